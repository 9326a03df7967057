import test from 'ava';
import { type Logger, silentLogger } from '../../manager/model/util/log.ts';
import { Overload } from './overload.ts';

test('what is too much is counted, warned of once per some minutes, and shown while it lasts', t => {
  let now = 0;
  const said: unknown[] = [];
  const logger: Logger = { ...silentLogger, warn: (_, fields) => said.push(fields) };
  const overload = new Overload(logger, () => now);
  t.deepEqual(overload.problems(), []);
  for (let turn = 0; turn < 1000; turn += 1) overload.refused('user 2002');
  t.deepEqual(said, [{ who: 'user 2002', times: 1 }]);
  now += 59_999;
  t.regex(overload.problems()[0]!.why, /1000 so far, the last one of user 2002/);
  now += 1;
  t.deepEqual(overload.problems(), []);
  now += 240_000;
  overload.refused('user 2003');
  t.deepEqual(said.slice(1), [{ who: 'user 2003', times: 1000 }]);
  t.is(overload.count, 1001);
});
