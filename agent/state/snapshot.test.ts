import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { loadWire } from '../../manager/model/proto/wire.ts';
import { type LogFields, type Logger, silentLogger } from '../../manager/model/util/log.ts';
import { eventually } from '../../test/eventually.ts';
import { makeFolder } from '../../test/folders.ts';
import { Holdings } from '../manager/holdings.ts';
import { Snapshot } from './snapshot.ts';

const wire = loadWire();

function held(...names: string[]): Holdings {
  const holdings = new Holdings(wire);
  const resources = names.map(name => ({
    name,
    version: 'v',
    body: wire.encode('InstanceList', { hostname: name, instances: [] }),
  }));
  holdings.apply('InstanceList', { resources, removed: [] });
  return holdings;
}

function collecting(into: LogFields[]): Logger {
  return {
    ...silentLogger,
    warn: (_, fields) => into.push(fields ?? {}),
    error: (_, fields) => into.push(fields ?? {}),
  };
}

async function folder(t: { teardown(done: () => Promise<void>): void }): Promise<string> {
  const path = makeFolder('snapshot');
  t.teardown(() => rm(path, { recursive: true }));
  return path;
}

test('what was held is held again in the next life, with its versions', async t => {
  const dir = await folder(t);
  const snapshot = new Snapshot(dir, held('a.default.mesh'), silentLogger);
  snapshot.changed('InstanceList');
  await snapshot.flush();
  const next = new Holdings(wire);
  await new Snapshot(dir, next, silentLogger).load();
  t.deepEqual(next.versions('InstanceList'), { 'a.default.mesh': 'v' });
  t.is((await stat(join(dir, 'agent/snapshot/InstanceList.json'))).mode & 0o777, 0o600);
});

test('a damaged file is said and left out; the others are read', async t => {
  const dir = await folder(t);
  const snapshot = new Snapshot(dir, held('a.default.mesh'), silentLogger);
  snapshot.changed('InstanceList');
  await snapshot.flush();
  await writeFile(join(dir, 'agent/snapshot/ServiceName.json'), '[{');
  const said: LogFields[] = [];
  const next = new Holdings(wire);
  const damaged = new Snapshot(dir, next, collecting(said));
  await damaged.load();
  t.deepEqual(Object.keys(next.versions('InstanceList')), ['a.default.mesh']);
  t.is(said.length, 1);
  t.deepEqual([...damaged.lost], [['ServiceName', []]]);
});

test('a write that fails is said, also in the status, and tried again with the next', async t => {
  const dir = await folder(t);
  const said: LogFields[] = [];
  await writeFile(join(dir, 'agent'), 'in the way');
  const snapshot = new Snapshot(dir, held('a.default.mesh'), collecting(said));
  snapshot.changed('InstanceList');
  await snapshot.flush();
  t.is(said.length, 1);
  const [problem] = snapshot.problems();
  t.is(problem?.where, 'snapshot');
  t.regex(
    problem?.why ?? '',
    /cannot be written, so the next agent would begin with what was before: (EEXIST|ENOTDIR)/,
  );
  await rm(join(dir, 'agent'));
  await snapshot.flush();
  t.deepEqual(snapshot.problems(), []);
  const next = new Holdings(wire);
  await new Snapshot(dir, next, silentLogger).load();
  t.deepEqual(Object.keys(next.versions('InstanceList')), ['a.default.mesh']);
});

test('what the disk did not take is written once it does, without another change, and told of once', async t => {
  const dir = await folder(t);
  const said: LogFields[] = [];
  await writeFile(join(dir, 'agent'), 'in the way');
  const snapshot = new Snapshot(dir, held('a.default.mesh'), collecting(said), 20);
  snapshot.changed('InstanceList');
  await snapshot.flush();
  await snapshot.flush();
  t.is(said.length, 1);
  await rm(join(dir, 'agent'));
  const next = new Holdings(wire);
  await eventually(
    'it is on disk',
    () => new Snapshot(dir, next, silentLogger).load(),
    () => 'a.default.mesh' in next.versions('InstanceList'),
  );
  t.pass();
});
