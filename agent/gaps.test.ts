import test from 'ava';
import { loadWire, MESH_SETTINGS_NAME, type Resources, type ResourceType } from '../manager/model/proto/wire.ts';
import { service, TRUST_DOMAIN } from './compile/fixtures.ts';
import { Gaps } from './gaps.ts';
import { Holdings } from './manager/holdings.ts';

const wire = loadWire();
const { view } = service('reviews', 1, []);
const SERVICE = view.service.hostname;
const HELD = {
  MeshSettings: { name: MESH_SETTINGS_NAME, value: { trustDomain: TRUST_DOMAIN, roots: [], virtualRanges: [] } },
  ServiceView: { name: SERVICE, value: view },
  InstanceList: { name: SERVICE, value: { hostname: SERVICE, instances: [] } },
};

type Part = keyof typeof HELD;

function give(holdings: Holdings, type: Part): void {
  const { name, value } = HELD[type];
  const body = wire.encode(type, value as Resources[Part]);
  const { refused } = holdings.apply(type, { resources: [{ name, version: '1', body }], removed: [] });
  if (Object.keys(refused).length > 0) throw new Error(JSON.stringify(refused));
}

function begin(
  lost: readonly ResourceType[],
  services: readonly string[],
  held: readonly Part[],
  onClosed: () => void = () => undefined,
): { readonly holdings: Holdings; readonly gaps: Gaps } {
  const holdings = new Holdings(wire);
  for (const type of held) give(holdings, type);
  const gaps = new Gaps({
    lost: new Map(lost.map(type => [type, []])),
    holdings,
    services: () => new Set(services),
    onClosed,
    sentMs: 1,
  });
  return { holdings, gaps };
}

const ALL: readonly Part[] = ['MeshSettings', 'ServiceView', 'InstanceList'];

for (const type of ALL)
  test(`${type}: there is a gap until it came, and never again`, t => {
    const { holdings, gaps } = begin(
      [type],
      [SERVICE],
      ALL.filter(other => other !== type),
    );
    t.true(gaps.open());
    t.deepEqual(
      gaps.problems().map(({ where }) => where),
      ['snapshot'],
    );
    give(holdings, type);
    t.false(gaps.open());
    holdings.apply(type, { resources: [], removed: [HELD[type].name] });
    t.false(gaps.open());
    t.deepEqual(gaps.problems(), []);
  });

test('a host that never had anything has no gap, nor one whose policies or names are lost', t => {
  t.false(begin([], [], []).gaps.open());
  t.false(begin(['WorkloadPolicy', 'ServiceName'], [SERVICE], []).gaps.open());
});

test('where nobody knows any more which services there were, the gap stays until the Manager had time to say', t => {
  t.true(begin(['ServiceView', 'InstanceList'], [], ['MeshSettings']).gaps.open());
  t.false(begin(['MeshSettings'], [], ['MeshSettings']).gaps.open());
});

test('there is a gap while anything of any service lacks', t => {
  t.true(begin(['InstanceList'], [SERVICE, 'other.default.mesh'], ALL).gaps.open());
});

test('what a Manager that is there does not send, it does not have; one that went away may have it', async t => {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const { gaps } = begin(['InstanceList'], [SERVICE], ['MeshSettings', 'ServiceView'], resolve);
  const { gaps: left } = begin(['InstanceList'], [SERVICE], ['MeshSettings', 'ServiceView']);
  // Its timer keeps no process alive.
  const alive = setInterval(() => undefined, 1_000);
  t.teardown(() => clearInterval(alive));
  t.true(gaps.open());
  left.connected();
  left.disconnected();
  gaps.connected();
  await closed;
  t.false(gaps.open());
  t.true(left.open());
});

test('a Manager that is there again has the whole time again, and what came meanwhile closes the gap once', async t => {
  const closed: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const alive = setInterval(() => undefined, 1_000);
  t.teardown(() => clearInterval(alive));
  const { holdings, gaps } = begin(['InstanceList'], [SERVICE], ['MeshSettings', 'ServiceView'], () =>
    closed.push('filled'),
  );
  const { gaps: other } = begin(['InstanceList'], [SERVICE], ['MeshSettings', 'ServiceView'], resolve);
  gaps.connected();
  give(holdings, 'InstanceList');
  t.false(gaps.open());
  gaps.connected();
  other.connected();
  await promise;
  t.deepEqual(closed, []);
});
