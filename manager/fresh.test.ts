import test from 'ava';
import { keepFresh } from './fresh.ts';
import type { Clock } from './model/util/clock.ts';
import { silentLogger } from './model/util/log.ts';

const HOUR = 3_600_000;

/** A clock that jumps to the end of every sleep, and ends everything at a time. */
function jumping(end: number) {
  const stop = new AbortController();
  let now = 0;
  const clock: Clock = {
    now: () => now,
    async sleep(ms) {
      now += ms;
      if (now >= end) stop.abort();
    },
  };
  return { clock, signal: stop.signal };
}

test('a certificate is renewed at half its life, again and again', async t => {
  const { clock, signal } = jumping(300 * HOUR);
  const renewals: number[] = [];
  const renew = (): number => {
    renewals.push(clock.now() / HOUR);
    return clock.now() + 100 * HOUR;
  };
  await keepFresh({ what: 'it', notAfter: 100 * HOUR, renew }, { clock, logger: silentLogger }, signal);
  t.true(renewals.length >= 5 && renewals.length <= 7, renewals.join());
  t.true(renewals[0]! >= 40 && renewals[0]! <= 50);
});

test('one that cannot be renewed stays in use: that is said, and tried again each hour until it succeeds', async t => {
  const { clock, signal } = jumping(60 * HOUR);
  const said: string[] = [];
  const tries: number[] = [];
  const renew = (): number => {
    tries.push(clock.now());
    if (tries.length <= 3) throw new Error('the CA has ended');
    return clock.now() + 1_000 * HOUR;
  };
  const logger = { ...silentLogger, error: (message: string) => said.push(message) };
  await keepFresh({ what: 'it', notAfter: 100 * HOUR, renew }, { clock, logger }, signal);
  t.deepEqual(said, Array(3).fill('it is not renewed; the one before stays in use'));
  t.deepEqual(
    tries.slice(1).map((at, index) => (at - tries[index]!) / HOUR),
    [1, 1, 1],
  );
});

test('near the end of the CA certificates get ever shorter, and are not renewed without end', async t => {
  const end = 10 * HOUR;
  const { clock, signal } = jumping(end + HOUR);
  let renewals = 0;
  const renew = (): number => {
    renewals += 1;
    if (clock.now() >= end) throw new Error('the CA has ended');
    return end;
  };
  await keepFresh({ what: 'it', notAfter: end, renew }, { clock, logger: silentLogger }, signal);
  t.true(renewals < 25, String(renewals));
});
