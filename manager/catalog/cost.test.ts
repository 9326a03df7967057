import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { FollowedService } from '../../registries/mapping.ts';
import { type HostStream, Publisher } from '../distribution/publisher.ts';
import { type DeltaResponse, NO_REQUEST } from '../model/proto/messages.ts';
import { loadWire } from '../model/proto/wire.ts';
import { silentLogger } from '../model/util/log.ts';
import { temporaryStore } from '../store/fixture.ts';
import { Catalog } from './catalog.ts';
import { VirtualIps } from './virtual-ips.ts';
import { Withheld } from './withheld.ts';

const SERVICES = 1000;
const INSTANCES = 10;
const HOSTS = 200;
/** Services that each host uses: host 0 uses 0–4, host 1 uses 5–9, and so on, so each is used by one host. */
const USED = 5;
function service(index: number, weight = 1): FollowedService {
  return {
    name: `s${index}`,
    namespace: 'default',
    aliases: [`s${index}.service.consul`],
    labels: {},
    problems: [],
    instances: Array.from({ length: INSTANCES }, (_, each) => ({
      id: `s${index}-${each}`,
      address: `10.${index >> 8}.${index & 0xff}.${each + 1}`,
      ports: [{ name: 'http', number: 9080 }],
      weight: each === 0 ? weight : 1,
      labels: { version: 'v1' },
      health: 'healthy' as const,
    })),
  };
}

/** A host that takes everything at once. */
class Host {
  readonly responses: DeltaResponse[] = [];
  readonly #stream: HostStream;

  constructor(publisher: Publisher, name: string, hostnames: readonly string[]) {
    this.#stream = publisher.open(name, response => {
      this.responses.push(response);
      queueMicrotask(() => this.#stream.receive({ ...NO_REQUEST, type: response.type, nonce: response.nonce }));
    });
    this.#stream.receive({ ...NO_REQUEST, type: 'ServiceName', subscribe: ['*'] });
    for (const type of ['ServiceView', 'InstanceList'])
      this.#stream.receive({ ...NO_REQUEST, type, subscribe: hostnames });
  }
}

async function mesh(t: ExecutionContext) {
  const { store } = temporaryStore(t, 'cost');
  const catalog = new Catalog({
    registries: ['consul'],
    settings: { trustDomain: 'isthmus.mesh', roots: [], virtualRanges: [] },
    virtualIps: new VirtualIps(store, Date.now),
    withheld: new Withheld(store, Date.now, silentLogger),
    logger: silentLogger,
  });
  const publisher = new Publisher(catalog, loadWire(), { now: Date.now });
  const published = { count: 0, wake: () => {} };
  catalog.connect({ get: () => undefined }, keys => {
    publisher.changed(keys);
    published.count += 1;
    published.wake();
  });
  for (let index = 0; index < SERVICES; index += 1) catalog.setSource('consul', `s${index}`, service(index));
  while (catalog.records.size < SERVICES) await new Promise<void>(resolve => (published.wake = resolve));
  // The last of them may be passed on later.
  catalog.flush();
  const next = (): Promise<void> => new Promise(resolve => (published.wake = resolve));
  return { catalog, publisher, next };
}

test('a change of one service costs one rebuild, one encoding, and one response to the one host that uses it', async t => {
  const { catalog, publisher, next } = await mesh(t);
  const hosts = Array.from({ length: HOSTS }, (_, host) => {
    const used = Array.from({ length: USED }, (_each, index) => `s${host * USED + index}.default.mesh`);
    return new Host(publisher, `h${host}`, used);
  });
  await delay(0);
  t.true(hosts.every(({ responses }) => responses.some(({ type }) => type === 'InstanceList')));
  const names = hosts[7]!.responses.filter(({ type }) => type === 'ServiceName');
  t.is(names.flatMap(({ resources }) => resources).length, SERVICES);
  // Each resource was encoded once, however many hosts got it.
  t.is(publisher.work.encodings, SERVICES * 3);
  const before = { rebuilds: catalog.rebuilds, ...publisher.work };
  const told = hosts.map(({ responses }) => responses.length);
  catalog.setSource('consul', 's37', service(37, 3));
  await next();
  t.is(catalog.rebuilds - before.rebuilds, 1);
  t.is(publisher.work.encodings - before.encodings, 1);
  t.is(publisher.work.responses - before.responses, 1);
  const heard = hosts.flatMap(({ responses }, host) => (responses.length > told[host]! ? [host] : []));
  t.deepEqual(heard, [7]);
  const last = hosts[7]!.responses.at(-1)!;
  t.deepEqual(
    last.resources.map(({ name }) => name),
    ['s37.default.mesh'],
  );
});

test('when all services change at once, others get their turn before all are put together, and none is left out', async t => {
  const { catalog, publisher, next } = await mesh(t);
  const all = Array.from({ length: SERVICES }, (_, index) => `s${index}.default.mesh`);
  const host = new Host(publisher, 'h', all);
  await delay(0);
  const { rebuilds } = catalog;
  for (let index = 0; index < SERVICES; index += 1) catalog.setSource('consul', `s${index}`, service(index, 2));
  await next();
  const first = catalog.rebuilds - rebuilds;
  t.true(first > 0 && first < SERVICES, `${first} of ${SERVICES} in one go`);
  while (catalog.rebuilds - rebuilds < SERVICES) await next();
  await delay(0);
  const told = host.responses.filter(({ type }) => type === 'InstanceList').flatMap(({ resources }) => resources);
  const versions = Map.groupBy(told, ({ name }) => name);
  t.is(versions.size, SERVICES);
  t.true([...versions.values()].every(each => each.length === 2));
});

test('what nobody uses is put together and never encoded; a change that changes nothing tells nobody', async t => {
  const { catalog, publisher, next } = await mesh(t);
  catalog.setSource('consul', 's1', service(1, 2));
  await next();
  t.is(publisher.work.encodings, 0);
  const host = new Host(publisher, 'h', ['s1.default.mesh']);
  await delay(0);
  const told = host.responses.length;
  const { encodings } = publisher.work;
  catalog.setSource('consul', 's1', service(1, 2));
  catalog.flush();
  t.is(publisher.work.encodings, encodings);
  t.is(host.responses.length, told);
});

test('a host that comes back with what it holds is sent nothing but what changed meanwhile', async t => {
  const { catalog, publisher, next } = await mesh(t);
  const first = new Host(publisher, 'h', ['s1.default.mesh', 's2.default.mesh']);
  await delay(0);
  const versions = (type: string): Record<string, string> =>
    Object.fromEntries(
      first.responses
        .filter(response => response.type === type)
        .flatMap(({ resources }) => resources.map(({ name, version }) => [name, version] as const)),
    );
  const [names, lists] = [versions('ServiceName'), versions('InstanceList')];
  catalog.setSource('consul', 's2', service(2, 5));
  catalog.setSource('consul', 's3', undefined);
  await next();
  const responses: DeltaResponse[] = [];
  const again = publisher.open('h', response => responses.push(response));
  again.receive({ ...NO_REQUEST, type: 'ServiceName', subscribe: ['*'], initialVersions: names });
  const subscribe = ['s1.default.mesh', 's2.default.mesh'];
  again.receive({ ...NO_REQUEST, type: 'InstanceList', subscribe, initialVersions: lists });
  t.deepEqual(
    responses.map(({ type, resources, removed }) => [type, resources.map(({ name }) => name), removed]),
    [
      ['ServiceName', [], ['s3.default.mesh']],
      ['InstanceList', ['s2.default.mesh'], []],
    ],
  );
});

test('a change reaches the stream of the host that uses it within milliseconds', async t => {
  const { catalog, publisher, next } = await mesh(t);
  for (let host = 0; host < HOSTS; host += 1) new Host(publisher, `h${host}`, [`s${host}.default.mesh`]);
  await delay(0);
  const took: number[] = [];
  for (let change = 0; change < 200; change += 1) {
    const start = performance.now();
    catalog.setSource('consul', `s${change}`, service(change, 2));
    await next();
    took.push(performance.now() - start);
  }
  const [p50, p99] = [0.5, 0.99].map(share => took.sort((a, b) => a - b)[Math.floor(took.length * share)]!);
  t.log(`${SERVICES * INSTANCES} instances, ${HOSTS} hosts: p50 ${p50!.toFixed(1)} ms, p99 ${p99!.toFixed(1)} ms`);
  t.true(p50! < 25, `p50 is ${p50} ms`);
});
