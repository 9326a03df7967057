// first-call.ts <host name> <port>: calls, each time by name and on a new connection, until it is answered; then prints when
// (CLOCK_MONOTONIC, ns).
import { Resolver } from 'node:dns/promises';
import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

const [name = '', port = ''] = process.argv.slice(2);
const PAUSE_MS = 5;
const PATIENCE_MS = 300;

console.log('calling');
while (!(await call().catch(() => false))) await delay(PAUSE_MS);
console.log(String(process.hrtime.bigint()));

async function call(): Promise<boolean> {
  const [address] = await new Resolver({ timeout: PATIENCE_MS, tries: 1 }).resolve4(name);
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const request = get({ host: address, port: Number(port), agent: false, signal }, response => {
    response.resume().on('end', () => resolve(response.statusCode === 200));
  });
  request.on('error', reject);
  return promise;
}
