/**
 * A program that knows nothing of the mesh: `caller.ts <url> <calls per second>` calls the URL until it is stopped, and prints
 * a line of JSON of `CallerReport` four times a second, and one more when SIGTERM or SIGINT stops it.
 */
import { Agent, get, type IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/** What came of all calls so far. */
export interface CallerReport {
  readonly calls: number;
  /** Answered 200, by the name that the answer gives in `x-instance`. */
  readonly byInstance: Readonly<Record<string, number>>;
  /** Answered 403. */
  readonly refused: number;
  /** All else, by reason: an error's code, or `status 503`. */
  readonly failures: Readonly<Record<string, number>>;
  /** No call is under way, and none will follow. */
  readonly ended: boolean;
}

const REPORT_MS = 250;
const CALL_LIMIT_MS = 10_000;

function call(url: string, agent: Agent): Promise<{ status: number; instance: string }> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent, timeout: CALL_LIMIT_MS }, (response: IncomingMessage) => {
      response.on('error', reject).resume();
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, instance: String(response.headers['x-instance'] ?? 'nameless') });
      });
    });
    request.on('timeout', () => request.destroy(Object.assign(new Error('no answer'), { code: 'no answer in 10 s' })));
    request.on('error', reject);
  });
}

async function main([url = '', rate = '10']: readonly string[]): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const [byInstance, failures]: Record<string, number>[] = [{}, {}];
  let [calls, refused] = [0, 0];
  const count = (counts: Record<string, number>, key: string): void => {
    counts[key] = (counts[key] ?? 0) + 1;
  };
  const one = async (): Promise<void> => {
    try {
      const { status, instance } = await call(url, agent);
      if (status === 200) count(byInstance!, instance);
      else if (status === 403) refused += 1;
      else count(failures!, `status ${status}`);
    } catch (error) {
      count(failures!, (error as NodeJS.ErrnoException).code ?? String(error));
    }
    calls += 1;
  };
  const report = (ended: boolean): void => {
    const now: CallerReport = { calls, byInstance: byInstance!, refused, failures: failures!, ended };
    process.stdout.write(`${JSON.stringify(now)}\n`);
  };
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => stop.abort());
  const reports = setInterval(report, REPORT_MS, false);
  const underWay = new Set<Promise<void>>();
  for (
    let next = performance.now();
    !stop.signal.aborted;
    next = Math.max(next + 1000 / Number(rate), performance.now() - 1000)
  ) {
    await delay(Math.max(0, next - performance.now()), undefined, { signal: stop.signal }).catch(() => undefined);
    if (stop.signal.aborted) break;
    const promise: Promise<void> = one().finally(() => underWay.delete(promise));
    underWay.add(promise);
  }
  await Promise.all(underWay);
  clearInterval(reports);
  agent.destroy();
  report(true);
}

if (import.meta.main) await main(process.argv.slice(2));
