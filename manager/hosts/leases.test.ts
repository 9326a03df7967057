import test from 'ava';
import type { Clock } from '../model/util/clock.ts';
import { LEASE_MS, Leases } from './leases.ts';

/** Time of day, which can be set, and timers, which go on regardless. */
class SetClock implements Clock {
  offsetMs = 0;
  #passedMs = 1_000_000_000;
  readonly #sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();

  now(): number {
    return this.#passedMs + this.offsetMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#sleepers.add({ at: this.#passedMs + ms, wake: resolve });
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  }

  /** Time passes, and timers that were due meanwhile go off after it: the process stood still. */
  async standStill(ms: number): Promise<void> {
    this.#passedMs += ms;
    await this.pass(0);
  }

  async pass(ms: number): Promise<void> {
    const end = this.#passedMs + ms;
    for (;;) {
      await new Promise(resolve => setImmediate(resolve));
      const [next] = [...this.#sleepers].sort((a, b) => a.at - b.at);
      if (!next || next.at > end) break;
      this.#sleepers.delete(next);
      this.#passedMs = Math.max(this.#passedMs, next.at);
      next.wake();
    }
    this.#passedMs = end;
  }
}

/** Leases of `a` and `b`, a second old. */
async function twoHosts() {
  const clock = new SetClock();
  const lapsed: string[] = [];
  const leases = new Leases(clock, host => lapsed.push(host));
  const stop = new AbortController();
  const running = leases.run(stop.signal);
  leases.renew('a');
  leases.renew('b');
  await clock.pass(1_000);
  return { clock, lapsed, leases, stop, running };
}

for (const [what, offsetMs] of [
  ['back', -3_600_000],
  ['forward', 3_600_000],
] as const)
  test(`a clock that is set ${what} by an hour ends no lease early, and none late`, async t => {
    const { clock, lapsed, leases, stop, running } = await twoHosts();
    clock.offsetMs = offsetMs;
    for (let second = 0; second < 3 * (LEASE_MS / 1_000); second += 1) {
      leases.renew('b');
      if (second < 5) t.deepEqual(lapsed, []);
      await clock.pass(1_000);
    }
    t.deepEqual(lapsed, ['a']);
    for (let second = 0; second < 2 * (LEASE_MS / 1_000); second += 1) await clock.pass(1_000);
    t.deepEqual(lapsed, ['a', 'b']);
    stop.abort();
    await running;
  });

test('a Manager that stood still loses no host, and gives each a full lease to be heard of', async t => {
  const { clock, lapsed, leases, stop, running } = await twoHosts();
  await clock.standStill(60_000);
  t.deepEqual(lapsed, []);
  leases.renew('b');
  await clock.pass(LEASE_MS - 1);
  t.deepEqual(lapsed, []);
  leases.renew('b');
  await clock.pass(1);
  t.deepEqual(lapsed, ['a']);
  stop.abort();
  await running;
});
