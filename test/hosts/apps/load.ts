/**
 * HTTP load with exact counts. Its one argument is JSON of `LoadOptions`. It prints a line of JSON of `LoadReport` each 50 ms in
 * which something happened, and the last one when it ends: by itself, or after SIGTERM once the requests under way are done.
 */
import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/** What to send. Without `requests` and `forMs` it goes on until SIGTERM. */
export interface LoadOptions {
  readonly url: string;
  readonly requests?: number;
  readonly forMs?: number;
  /** Requests at a time, 1 when absent. */
  readonly connections?: number;
  /** Requests per second in all; as fast as possible when absent. */
  readonly rate?: number;
  /** Reuses connections, true when absent. */
  readonly keepAlive?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  /** For one request, 10,000 when absent. */
  readonly timeoutMs?: number;
}

/** What came of it. A request failed unless it was answered in full with status 200. */
export interface LoadReport {
  readonly requests: number;
  readonly failed: number;
  /** Failures by reason: an error's code, or `status 503: <begin of the body>`. */
  readonly failures: Readonly<Record<string, number>>;
  /** Successful requests by `x-instance`. */
  readonly byInstance: Readonly<Record<string, number>>;
  readonly elapsedMs: number;
  /** Of successful requests. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Longest time between two successful answers. */
  readonly longestGapMs: number;
}

const options: LoadOptions = JSON.parse(process.argv[2] ?? '{}');
const {
  url,
  requests = Infinity,
  forMs = Infinity,
  connections = 1,
  rate,
  keepAlive = true,
  headers = {},
  timeoutMs = 10_000,
} = options;
const agent = new Agent({ keepAlive, maxSockets: connections });
const failures: Record<string, number> = {};
const byInstance: Record<string, number> = {};
const times: number[] = [];
const started = performance.now();
let [sent, done, failed, lastSuccess, longestGapMs, stopping] = [0, 0, 0, started, 0, false];

function count(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

function once(): Promise<IncomingMessage & { body: string }> {
  return new Promise((resolve, reject) => {
    const timeout = AbortSignal.timeout(timeoutMs);
    const call = request(url, { agent, headers, signal: timeout }, response => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => resolve(Object.assign(response, { body }))).on('error', reject);
    });
    call.on('error', error => reject(timeout.aborted ? Object.assign(error, { code: 'TIMEOUT' }) : error)).end();
  });
}

async function send(): Promise<void> {
  const begin = performance.now();
  try {
    const { statusCode, body, headers: answered } = await once();
    if (statusCode !== 200) throw Object.assign(new Error(), { code: `status ${statusCode}: ${body.slice(0, 80)}` });
    const now = performance.now();
    count(byInstance, String(answered['x-instance']));
    times.push(now - begin);
    longestGapMs = Math.max(longestGapMs, now - lastSuccess);
    lastSuccess = now;
  } catch (error) {
    failed += 1;
    count(failures, (error as { code?: string }).code ?? String(error));
  }
  done += 1;
}

async function worker(): Promise<void> {
  while (!stopping && sent < requests && performance.now() - started < forMs) {
    const turn = sent;
    sent += 1;
    if (rate !== undefined) await delay(Math.max(0, started + (turn * 1000) / rate - performance.now()));
    if (stopping) return;
    await send();
  }
}

function report(): LoadReport {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 100) / 100;
  const elapsedMs = Math.round(performance.now() - started);
  return {
    requests: done,
    failed,
    failures,
    byInstance,
    elapsedMs,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    longestGapMs: Math.round(longestGapMs),
  };
}

process.once('SIGTERM', () => (stopping = true));
let printed = -1;
const progress = setInterval(() => {
  if (printed === done) return;
  printed = done;
  console.log(JSON.stringify(report()));
}, 50);
await Promise.all(Array.from({ length: connections }, worker));
clearInterval(progress);
agent.destroy();
longestGapMs = Math.max(longestGapMs, performance.now() - lastSuccess);
console.log(JSON.stringify({ ...report(), ended: true }));
