// asker.ts: asks on one kept connection until a wanted answer comes. Reads {"url", "answer"} as JSON lines; prints `asking` after the first
// answer, then `{"at", "failed"}`: when the wanted answer had come whole (CLOCK_MONOTONIC, ns), and how many calls before it failed.
import { Agent, get } from 'node:http';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { Asked, Sighting } from './asking.ts';

const EVERY_MS = 2;
const PATIENCE_MS = 5_000;

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

for await (const line of createInterface(process.stdin)) {
  const { url, answer } = JSON.parse(line) as Asked;
  console.log(JSON.stringify(await askUntil(url, answer)));
}

async function askUntil(url: string, wanted: string): Promise<Sighting> {
  let failed = 0;
  for (let asked = 0; ; asked += 1) {
    const begun = performance.now();
    const answer = await ask(url);
    const at = process.hrtime.bigint();
    if (answer === wanted) return { at: String(at), failed };
    if (answer === undefined) failed += 1;
    if (asked === 0) console.log('asking');
    const left = EVERY_MS - (performance.now() - begun);
    if (left > 0) await delay(left);
  }
}

/** The body of the answer; undefined when the call failed. */
async function ask(url: string): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const request = get(url, { agent, signal }, response => {
    text(response).then(
      body => resolve(response.statusCode === 200 ? body : undefined),
      () => resolve(undefined),
    );
  });
  request.on('error', () => resolve(undefined));
  return promise;
}
