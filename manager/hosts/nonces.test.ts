import test from 'ava';
import { Nonces } from './nonces.ts';

test('a nonce is good once, for its host, for a minute', t => {
  let now = 0;
  const nonces = new Nonces(() => now);
  const nonce = nonces.give('a');
  t.false(nonces.take('b', nonce));
  t.true(nonces.take('a', nonce));
  t.false(nonces.take('a', nonce));
  const late = nonces.give('a');
  now += 60_000;
  t.false(nonces.take('a', late));
});

test('a host that asks for nonces without end holds few of them', t => {
  const nonces = new Nonces(() => 0);
  const given = Array.from({ length: 1000 }, () => nonces.give('a'));
  t.is(given.filter(nonce => nonces.take('a', nonce)).length, 256);
});
