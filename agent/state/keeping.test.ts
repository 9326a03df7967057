import test from 'ava';
import { silentLogger } from '../../manager/model/util/log.ts';
import { eventually } from '../../test/eventually.ts';
import { keeping } from './keeping.ts';

test('what cannot be written is tried again until it can, and each reason is told of once', async t => {
  const said: unknown[] = [];
  let tried = 0;
  const save = async (): Promise<void> => {
    tried += 1;
    if (tried < 4) throw Object.assign(new Error(`no room for ${tried}.tmp`), { code: 'ENOSPC' });
  };
  const logger = { ...silentLogger, warn: (message: string, fields?: object) => said.push([message, fields]) };
  await keeping('the ports', save, logger, 5).call();
  await eventually(
    'it is written',
    () => tried,
    tries => tries === 4,
  );
  t.deepEqual(said, [['cannot remember the ports; tried again', { reason: 'no room for 1.tmp' }]]);
});
