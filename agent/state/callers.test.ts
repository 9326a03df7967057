import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { silentLogger } from '../../manager/model/util/log.ts';
import { makeFolder } from '../../test/folders.ts';
import { Callers, loadCallers, saveCallers } from './callers.ts';

test('who left counts until its listener is drained, and no longer', t => {
  const callers = new Callers([], 100);
  t.true(callers.update(['web', 'other'], 0));
  t.false(callers.update(['web', 'other'], 10));
  t.false(callers.update(['web'], 20), 'remembered as before');
  t.deepEqual([callers.left(), callers.next], [['other'], 120]);
  t.true(callers.update(['web'], 120));
  t.deepEqual([callers.left(), callers.next], [[], undefined]);
});

test('who comes back is here', t => {
  const callers = new Callers([], 100);
  callers.update(['other'], 0);
  callers.update([], 10);
  callers.update(['other'], 20);
  t.deepEqual(callers.left(), []);
});

test('who left while no agent ran counts for the next', t => {
  const before = new Callers([], 100);
  before.update(['web', 'other'], 0);
  const callers = new Callers(JSON.parse(JSON.stringify(before)), 100);
  callers.update(['web'], 0);
  t.deepEqual(callers.left(), ['other']);
});

test('the next life knows who was here, and goes on where that cannot be read', async t => {
  const folder = makeFolder('callers');
  t.teardown(() => rmSync(folder, { recursive: true }));
  const told: string[] = [];
  const logger = { ...silentLogger, warn: (message: string) => void told.push(message) };
  t.deepEqual((await loadCallers(folder, 60, logger)).toJSON(), []);
  await saveCallers(folder, new Callers(['web', 'shop'], 100));
  const next = await loadCallers(folder, 60, logger);
  t.deepEqual(next.toJSON(), ['shop', 'web']);
  next.update(['web'], 0);
  t.deepEqual([next.left(), next.next], [['shop'], 90_000]);
  t.deepEqual(told, []);
  for (const damaged of ['["web"', '{}']) {
    writeFileSync(join(folder, 'agent', 'callers.json'), damaged);
    t.deepEqual((await loadCallers(folder, 60, logger)).toJSON(), []);
  }
  t.deepEqual(told, Array(2).fill('it is not remembered who called from this host'));
});
