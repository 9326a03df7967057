import test from 'ava';
import type { Ownership } from '../config/stored.ts';
import { applyOwned, fieldsV1, type Owned, ownersAfterUpdate } from './ownership.ts';

const object = (spec: Record<string, unknown>, labels: Record<string, string> = {}): Owned => ({
  metadata: { labels, annotations: {} },
  spec,
});
const writer = (manager: string, force = false): { manager: string; time: string; force: boolean } => ({
  manager,
  time: 'now',
  force,
});
const paths = (owners: readonly Ownership[]): Record<string, readonly string[]> =>
  Object.fromEntries(owners.map(owner => [`${owner.manager} ${owner.operation}`, owner.paths]));

test('what a writer declares is set and owned; what it declares no more is removed', t => {
  const first = applyOwned(
    undefined,
    [],
    object({ host: 'a', trafficPolicy: { loadBalancer: { simple: 'RANDOM' } } }, { app: 'x' }),
    writer('ci'),
  );
  t.deepEqual(first.conflicts, []);
  t.deepEqual(paths(first.owners), {
    'ci Apply': ['/metadata/labels/app', '/spec/host', '/spec/trafficPolicy/loadBalancer/simple'],
  });
  const second = applyOwned(first.result, first.owners, object({ host: 'a', subsets: [{ name: 'v1' }] }), writer('ci'));
  t.deepEqual(second.result, object({ host: 'a', subsets: [{ name: 'v1' }] }));
  t.deepEqual(paths(second.owners), { 'ci Apply': ['/spec/host', '/spec/subsets'] });
});

test('what another declares too stays when one drops it', t => {
  const ci = applyOwned(undefined, [], object({ host: 'a', subsets: [] }), writer('ci'));
  const ops = applyOwned(ci.result, ci.owners, object({ host: 'a' }, { team: 'ops' }), writer('ops'));
  t.deepEqual(ops.conflicts, []);
  const dropped = applyOwned(ops.result, ops.owners, object({ subsets: [] }), writer('ci'));
  t.deepEqual(dropped.result, object({ host: 'a', subsets: [] }, { team: 'ops' }));
  t.deepEqual(paths(dropped.owners), {
    'ops Apply': ['/metadata/labels/team', '/spec/host'],
    'ci Apply': ['/spec/subsets'],
  });
});

test('a field that another set to something else is a conflict, unless it is taken by force', t => {
  const ci = applyOwned(undefined, [], object({ host: 'a', subsets: [] }), writer('ci'));
  const refused = applyOwned(ci.result, ci.owners, object({ host: 'b' }), writer('ops'));
  t.deepEqual(refused.conflicts, [{ path: '/spec/host', manager: 'ci' }]);
  const forced = applyOwned(ci.result, ci.owners, object({ host: 'b' }), writer('ops', true));
  t.deepEqual(forced.conflicts, []);
  t.deepEqual(forced.result, object({ host: 'b', subsets: [] }));
  t.deepEqual(paths(forced.owners), { 'ci Apply': ['/spec/subsets'], 'ops Apply': ['/spec/host'] });
});

test('a plain write takes what it changes, and a later apply meets it', t => {
  const ci = applyOwned(undefined, [], object({ host: 'a', subsets: [] }), writer('ci'));
  const edited = object({ host: 'b', subsets: [] });
  const owners = ownersAfterUpdate(ci.result, edited, ci.owners, { manager: 'editor', time: 'now' });
  t.deepEqual(paths(owners), { 'ci Apply': ['/spec/subsets'], 'editor Update': ['/spec/host'] });
  t.deepEqual(applyOwned(edited, owners, object({ host: 'a', subsets: [] }), writer('ci')).conflicts, [
    { path: '/spec/host', manager: 'editor' },
  ]);
});

test('what changes nothing changes no owner either', t => {
  const ci = applyOwned(undefined, [], object({ host: 'a' }), writer('ci'));
  t.is(applyOwned(ci.result, ci.owners, object({ host: 'a' }), writer('ci')).owners, ci.owners);
  t.is(ownersAfterUpdate(ci.result, ci.result, ci.owners, { manager: 'editor', time: 'now' }), ci.owners);
});

test('keys with slashes are one key', t => {
  const labels = { 'app.kubernetes.io/name': 'x', 'a~b': 'y' };
  const applied = applyOwned(undefined, [], object({}, labels), writer('ci'));
  t.deepEqual(applied.result.metadata.labels, labels);
  t.deepEqual(fieldsV1(applied.owners[0]?.paths ?? []), {
    'f:metadata': { 'f:labels': { 'f:app.kubernetes.io/name': {}, 'f:a~b': {} } },
  });
});
