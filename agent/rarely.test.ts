import test from 'ava';
import { Rarely } from './rarely.ts';

test('a warning is said at once, then every five minutes, with how often it was due', t => {
  let now = 1000;
  const rarely = new Rarely(() => now);
  t.is(rarely.due(), 1);
  now += 299_999;
  t.is(rarely.due(), undefined);
  t.is(rarely.due(), undefined);
  now += 1;
  t.is(rarely.due(), 3);
  t.is(rarely.due(), undefined);
});
