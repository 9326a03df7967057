import test from 'ava';
import type { InstanceList } from '../../manager/model/host-view.ts';
import { loadWire } from '../../manager/model/proto/wire.ts';
import { Holdings } from './holdings.ts';

const wire = loadWire();
const list = (hostname: string): InstanceList => ({ hostname, instances: [] });
const resource = (name: string, version: string): { name: string; version: string; body: Uint8Array } => ({
  name,
  version,
  body: wire.encode('InstanceList', list(name)),
});

test('what came is held with its version, and what did not change stays the same object', t => {
  const holdings = new Holdings(wire);
  t.deepEqual(
    [...holdings.apply('InstanceList', { resources: [resource('a', '1'), resource('b', '1')], removed: [] }).changed],
    ['a', 'b'],
  );
  const a = holdings.get('InstanceList', 'a');
  t.deepEqual(a, list('a'));
  const again = holdings.apply('InstanceList', { resources: [resource('a', '1'), resource('b', '2')], removed: [] });
  t.deepEqual([...again.changed], ['b']);
  t.is(holdings.get('InstanceList', 'a'), a);
  t.deepEqual(holdings.versions('InstanceList'), { a: '1', b: '2' });
});

test('a removal is a change only of what was held', t => {
  const holdings = new Holdings(wire);
  holdings.apply('InstanceList', { resources: [resource('a', '1')], removed: [] });
  t.deepEqual([...holdings.apply('InstanceList', { resources: [], removed: ['a', 'x'] }).changed], ['a']);
  t.is(holdings.get('InstanceList', 'a'), undefined);
});

test('a resource that cannot be read is refused alone, and what was held of it stays', t => {
  const holdings = new Holdings(wire);
  holdings.apply('InstanceList', { resources: [resource('a', '1')], removed: [] });
  const broken = { name: 'a', version: '2', body: Uint8Array.of(0xff, 0xff, 0xff) };
  const { changed, refused } = holdings.apply('InstanceList', { resources: [broken, resource('b', '1')], removed: [] });
  t.deepEqual([...changed], ['b']);
  t.deepEqual(Object.keys(refused), ['a']);
  t.is(holdings.versions('InstanceList')['a'], '1');
});
