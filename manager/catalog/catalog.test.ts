import test, { type ExecutionContext } from 'ava';
import type { FollowedService } from '../../registries/mapping.ts';
import { workload } from '../hosts/fixtures.ts';
import type { HostState } from '../hosts/hosts.ts';
import type { ConfigObject } from '../model/config/object.ts';
import { NOWHERE } from '../model/locality.ts';
import { silentLogger } from '../model/util/log.ts';
import { temporaryStore } from '../store/fixture.ts';
import { Catalog } from './catalog.ts';
import { VirtualIps } from './virtual-ips.ts';
import { Withheld } from './withheld.ts';

const WEB = workload('a', '10.0.0.1', 'web');
const API = { ...workload('a', '10.0.0.1', 'api'), services: ['api'], labels: { app: 'api' } };
const HOST: HostState = {
  host: { name: 'a', address: '10.0.0.1', tunnelPort: 15_008, network: '', locality: NOWHERE },
  workloads: new Map([WEB, API].map(each => [each.uid, each])),
  status: undefined,
  refused: [],
  alive: true,
  proven: true,
  lastHeard: 0,
};

function service(name: string, address: string, aliases: readonly string[] = []): FollowedService {
  const ports = [{ name: 'http', number: 9080 }];
  const instances = [{ id: name, address, ports, weight: 1, labels: {}, health: 'healthy' as const }];
  return { name, namespace: 'default', aliases, labels: {}, problems: [], instances };
}

function config(kind: string, name: string, spec: object): ConfigObject {
  const metadata = { name, namespace: 'default', labels: {}, annotations: {} };
  const times = { resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' };
  return { apiVersion: 'v1', kind, metadata: { ...metadata, ...times }, spec } as unknown as ConfigObject;
}

function begin(t: ExecutionContext) {
  const { store } = temporaryStore(t, 'catalog');
  const catalog = new Catalog({
    registries: ['first', 'second'],
    settings: { trustDomain: 'isthmus.mesh', roots: [], virtualRanges: [] },
    virtualIps: new VirtualIps(store, Date.now),
    withheld: new Withheld(store, Date.now, silentLogger),
    logger: silentLogger,
  });
  const published = new Set<string>();
  let look = (): void => undefined;
  catalog.connect({ get: name => (name === 'a' ? HOST : undefined) }, keys => {
    for (const { type, name } of keys) published.add(`${type} ${name.split('.')[0]}`);
    look();
  });
  /** What was published since the last time, once these services are there. */
  const news = async (...services: readonly string[]): Promise<string[]> => {
    const are = (): boolean => services.every(name => catalog.records.has(`${name}.default.mesh`));
    catalog.flush();
    if (!are()) await new Promise<void>(resolve => (look = () => are() && resolve()));
    const all = [...published].sort();
    published.clear();
    return all;
  };
  return { catalog, news };
}

const ALL = ['InstanceList', 'ServiceName', 'ServiceView'];
const allOf = (name: string): string[] => ALL.map(type => `${type} ${name}`);

test('what came out otherwise is published, and nothing else', async t => {
  const { catalog, news } = begin(t);
  catalog.setSource('first', 'one', service('one', '10.0.0.8'));
  catalog.setSource('first', 'two', service('two', '10.0.0.9'));
  t.deepEqual(await news('one', 'two'), [...allOf('one'), ...allOf('two')].sort());
  catalog.setSource('first', 'one', service('one', '10.0.0.8'));
  t.deepEqual(await news(), [], 'the same again');
  catalog.setSource('first', 'one', service('one', '10.0.0.7'));
  t.deepEqual(await news(), ['InstanceList one']);
  catalog.setSource('first', 'one', service('one', '10.0.0.7', ['one.example']));
  t.deepEqual(await news(), ['ServiceName one', 'ServiceView one']);
  catalog.setSource('first', 'one', undefined);
  t.deepEqual(await news(), allOf('one'));
  t.deepEqual([...catalog.names('InstanceList', 'a')], ['two.default.mesh']);
  for (const type of ['ServiceName', 'ServiceView', 'InstanceList'] as const) {
    t.is(catalog.value(type, 'one.default.mesh'), undefined);
    t.not(catalog.value(type, 'two.default.mesh'), undefined);
  }
});

test('a workload brings its policy, and the services that it registers; each goes with it', async t => {
  const { catalog, news } = begin(t);
  catalog.workloadsChanged('a', new Set([WEB.uid, API.uid]));
  const both = [...allOf('api'), `WorkloadPolicy ${API.uid}`, `WorkloadPolicy ${WEB.uid}`];
  t.deepEqual(await news('api'), both);
  t.deepEqual([...catalog.names('WorkloadPolicy', 'a')], [WEB.uid, API.uid]);
  t.deepEqual([...catalog.names('WorkloadPolicy', 'b')], []);
  t.is(catalog.records.get('api.default.mesh')?.instances[0]?.reach.kind, 'mesh');
  catalog.workloadsChanged('b', new Set([WEB.uid, API.uid]));
  t.deepEqual(await news(), both, 'a host that is not there has none');
  t.is(catalog.policyOf(WEB.uid), undefined);
});

test('a workload that changes has the services at its port put together anew, not all that are listed on its host', async t => {
  const { catalog, news } = begin(t);
  const at = (name: string, address: string, number: number): FollowedService => {
    const [instance] = service(name, address).instances;
    return { ...service(name, address), instances: [{ ...instance!, ports: [{ name: 'http', number }] }] };
  };
  catalog.setSource('first', 'here', at('here', '::ffff:10.0.0.1', 80));
  for (const number of [81, 82, 83]) catalog.setSource('first', `s${number}`, at(`s${number}`, '10.0.0.1', number));
  await news('here', 's81', 's82', 's83');
  const { rebuilds } = catalog;
  catalog.workloadsChanged('a', new Set([WEB.uid]));
  t.deepEqual(await news(), ['InstanceList here', `WorkloadPolicy ${WEB.uid}`]);
  t.is(catalog.rebuilds - rebuilds, 1);
});

test('config is published where it acts: views of its services, policies of its workloads', async t => {
  const { catalog, news } = begin(t);
  catalog.workloadsChanged('a', new Set([WEB.uid, API.uid]));
  catalog.setSource('first', 'one', service('one', '10.0.0.8'));
  await news('api', 'one');
  const rule = config('DestinationRule', 'rule', { host: 'one', subsets: [] });
  const route = config('VirtualService', 'route', { hosts: ['one'], http: [] });
  catalog.setConfig('rule', rule);
  t.deepEqual(await news(), ['ServiceView one']);
  catalog.setConfig('route', route);
  await news();
  t.deepEqual(catalog.configIn('ServiceView', 'one.default.mesh'), [route, rule]);
  t.deepEqual(catalog.configIn('InstanceList', 'one.default.mesh'), []);
  const selector = { matchLabels: { app: 'api' } };
  const policy = config('AuthorizationPolicy', 'policy', { action: 'ALLOW', rules: [], selector });
  catalog.setConfig('policy', policy);
  t.deepEqual(await news(), [`WorkloadPolicy ${API.uid}`]);
  t.deepEqual(catalog.configIn('WorkloadPolicy', API.uid), [policy]);
  t.deepEqual(catalog.configIn('WorkloadPolicy', WEB.uid), []);
  catalog.setConfig('policy', undefined);
  t.deepEqual(await news(), [`WorkloadPolicy ${API.uid}`]);
});

test('an alias is that of the service that comes first, and goes over to the next with the config that names it', async t => {
  const { catalog, news } = begin(t);
  const alias = 'shop.example';
  catalog.setConfig('rule', config('DestinationRule', 'rule', { host: alias, subsets: [] }));
  catalog.setSource('second', 'two', service('two', '10.0.0.9', [alias]));
  await news('two');
  const of = (name: string) => {
    const { service: found, problems } = catalog.records.get(`${name}.default.mesh`)!;
    const { destinationRule } = catalog.value('ServiceView', `${name}.default.mesh`)!;
    return { aliases: found.aliases, problems: problems.map(({ why }) => why), rule: destinationRule !== undefined };
  };
  const has = { aliases: [alias], problems: [], rule: true };
  const lacks = (owner: string): object => ({
    aliases: [],
    problems: [`"${alias}" is an alias of ${owner}.default.mesh already`],
    rule: false,
  });
  t.deepEqual(of('two'), has);
  catalog.setSource('first', 'one', service('one', '10.0.0.8', [alias]));
  const moved = await news('one');
  t.true(
    ['ServiceName one', 'ServiceName two', 'ServiceView one', 'ServiceView two'].every(key => moved.includes(key)),
  );
  t.deepEqual(of('one'), has);
  t.deepEqual(of('two') as object, lacks('one'));
  t.is(catalog.find(alias)?.service.name, 'one');
  t.is(catalog.find('two.default.mesh')?.service.name, 'two');
  t.is(catalog.find('two.example'), undefined);
  catalog.setSource('first', 'one', undefined);
  t.deepEqual(await news(), [...allOf('one'), 'ServiceName two', 'ServiceView two'].sort());
  t.deepEqual(of('two'), has);
});

test('sources of a service stand in the order of the registries, what hosts register last', async t => {
  const { catalog, news } = begin(t);
  const sources = () => catalog.records.get('api.default.mesh')?.service.sources;
  catalog.workloadsChanged('a', new Set([API.uid]));
  catalog.setSource('second', 'key', service('api', '10.0.0.8'));
  catalog.setSource('first', 'other', service('api', '10.0.0.9'));
  await news('api');
  t.deepEqual(sources(), ['first', 'second', 'agent']);
  catalog.setSource('first', 'other', service('one', '10.0.0.9'));
  await news('one');
  t.deepEqual(sources(), ['second', 'agent'], 'the key names another service now');
  catalog.setSource('second', 'key', undefined);
  await news();
  t.deepEqual(sources(), ['agent']);
  catalog.workloadsChanged('b', new Set([API.uid]));
  await news();
  t.is(sources(), undefined);
});
