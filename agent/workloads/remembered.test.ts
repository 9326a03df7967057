import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { silentLogger } from '../../manager/model/util/log.ts';
import { eventually } from '../../test/eventually.ts';
import { makeFolder } from '../../test/folders.ts';
import { host, workload } from '../compile/fixtures.ts';
import { RememberedWorkloads } from './remembered.ts';

const { local } = workload(host('a', '10.0.0.1'), 'web');

test('the next life knows what each platform named last', async t => {
  const folder = makeFolder('remembered');
  t.teardown(() => rm(folder, { recursive: true }));
  const first = await RememberedWorkloads.load(folder, silentLogger);
  t.deepEqual(first.of('linux 0'), []);
  first.remember('linux 0', [local]);
  const next = await eventually(
    'they are written',
    () => RememberedWorkloads.load(folder, silentLogger),
    remembered => remembered.of('linux 0').length > 0,
  );
  t.deepEqual(next.of('linux 0'), [local]);
  t.deepEqual(next.of('linux 1'), []);
});

test('a damaged file is told of', async t => {
  const folder = makeFolder('remembered');
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'workloads.json'), '[');
  const told: string[] = [];
  const logger = { ...silentLogger, warn: (message: string) => void told.push(message) };
  t.deepEqual((await RememberedWorkloads.load(folder, logger)).of('linux 0'), []);
  t.deepEqual(told, ['it is not remembered which workloads this host had']);
});
