import test from 'ava';
import { RefusalError } from './refusal.ts';
import { Refusals } from './refusals.ts';

test('refusals are counted by reason, each with its last case', t => {
  let now = 1_000;
  const refusals = new Refusals(() => now);
  refusals.count('token-used', '10.0.0.7', 'first');
  now = 2_000;
  refusals.count('nonce-invalid', 'a', 'stale');
  refusals.count('token-used', '10.0.0.8', 'second');
  t.deepEqual(refusals.all(), [
    { reason: 'token-used', count: 2, last: { at: 2_000, from: '10.0.0.8', why: 'second' } },
    { reason: 'nonce-invalid', count: 1, last: { at: 2_000, from: 'a', why: 'stale' } },
  ]);
});

test('a flood of one reason is logged once in ten seconds, with how many were passed over', t => {
  let now = 0;
  const refusals = new Refusals(() => now);
  const logged: number[] = [];
  for (; now < 25_000; now += 1_000) {
    const { log, passedOver } = refusals.count('no-certificate', 'x', 'y');
    if (log) logged.push(passedOver);
  }
  t.deepEqual(logged, [0, 9, 9]);
  t.is(refusals.all()[0]?.count, 25);
  t.true(refusals.count('host-taken', 'x', 'y').log, 'another reason is not held up by it');
});

test('what a stranger wrote cannot fill a log, nor break its lines', t => {
  const { message } = new RefusalError('host-invalid', `"${'x'.repeat(1_000_000)}" cannot be a name`);
  t.true(message.length <= 501);
  t.is(new RefusalError('host-invalid', '"a\n\u001b[2Jb\u0000" is none').message, '"a  [2Jb " is none');
});
