import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import { BeatClock, type BeatTime } from './beat-clock.ts';

/** Time that passes when it is told to. */
class HeldTime implements BeatTime {
  #now: number;
  readonly #waiting = new Set<{ readonly at: number; readonly call: () => void }>();
  /** How often the processor was woken. */
  wakes = 0;

  constructor(now = 0) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, call: () => void): () => void {
    const one = { at: this.#now + ms, call };
    this.#waiting.add(one);
    return () => this.#waiting.delete(one);
  }

  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await turn();
      const [next] = [...this.#waiting].sort((a, b) => a.at - b.at);
      if (!next || next.at > end) break;
      this.#waiting.delete(next);
      this.#now = next.at;
      this.wakes += 1;
      next.call();
    }
    this.#now = end;
  }
}

test('those who sleep for about as long wake in one go', async t => {
  const time = new HeldTime();
  const clock = new BeatClock(40, time);
  const woken: string[] = [];
  for (const [name, ms] of Object.entries({ a: 80, b: 78, c: 83, later: 160 }))
    void clock.sleep(ms).then(() => woken.push(name));
  await time.pass(79);
  t.deepEqual(woken, []);
  await time.pass(1);
  t.deepEqual(woken, ['a', 'b', 'c']);
  t.is(time.wakes, 1);
  await time.pass(80);
  t.deepEqual(woken, ['a', 'b', 'c', 'later']);
  t.is(time.wakes, 2);
});

for (const begun of [0, 1, 9, 10, 11, 19])
  test(`a sleep lasts as long as asked for, give or take half a beat, ${begun} ms into a beat`, async t => {
    const time = new HeldTime(1_000 + begun);
    const clock = new BeatClock(20, time);
    let turns = 0;
    const sleeping = (async (): Promise<void> => {
      for (; turns < 5; turns += 1) await clock.sleep(40);
    })();
    await time.pass(5 * 40 - 20 / 2 - 1);
    t.true(turns < 5);
    await time.pass(20 / 2 + 20 / 2 + 1);
    t.is(turns, 5);
    await sleeping;
  });

test('a signal ends a sleep, and others go on', async t => {
  const clock = new BeatClock(20);
  const stop = new AbortController();
  const [stopped, other] = [clock.sleep(20, stop.signal), clock.sleep(40)];
  stop.abort(new Error('over'));
  await t.throwsAsync(stopped, { message: 'over' });
  await other;
  await t.throwsAsync(clock.sleep(20, stop.signal), { message: 'over' });
});

test('a sleep of nothing ends, with the next beat', async t => {
  const clock = new BeatClock(10);
  await clock.sleep(0);
  await clock.sleep(0);
  t.pass();
});
