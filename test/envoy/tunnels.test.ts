import test from 'ava';
import { Compiler } from '../../agent/compile/compile.ts';
import { host, input, instance, service, workload } from '../../agent/compile/fixtures.ts';
import { HBONE, hboneHosts } from '../../agent/compile/hbone.ts';
import { METADATA } from '../../agent/compile/names.ts';
import { type Resource, resource, TYPE } from '../../agent/compile/resource.ts';
import type { AdsServer } from '../../agent/envoy/ads/server.ts';
import type { Instance } from '../../manager/model/instance.ts';
import { eventually } from '../eventually.ts';
import { freePort } from '../ports.ts';
import { authority, certificate } from './authority.ts';
import { soon, stage } from './fixture.ts';
import { echo, Line, tcpCaller } from './line.ts';

const DOMAIN = 'isthmus.mesh';
const id = (name: string): string => `spiffe://${DOMAIN}/ns/default/sa/${name}`;
const CALLED = [{ number: 80, name: 'tcp-80', protocol: 'tcp' as const }];
/** Workers of the Envoy: those of `stage`. */
const WORKERS = 2;

interface World extends AsyncDisposable {
  /** Where `web` calls the instance. */
  readonly port: number;
  /** Where the tunnel listens. */
  readonly tunnel: string;
  readonly resources: readonly Resource[];
  /** What it is when the instance is at another address. */
  moved(address: string): readonly Resource[];
  /** Gives Envoy these, and resolves once it took all of them. */
  apply(resources: readonly Resource[]): Promise<void>;
  /** A connection that talked. */
  line(): Promise<Line>;
  /** How many tunnels were opened. */
  opened(): Promise<number>;
}

/** An Envoy that is the caller's and the far one in one: `web` calls an echo of `reviews`, said to be on another host. @param at of the tunnel. */
async function world(first: (resources: readonly Resource[]) => readonly Resource[], at = '127.0.0.1'): Promise<World> {
  await using built = new AsyncDisposableStack();
  const on = built.use(await stage());
  const app = built.use(await echo());
  const here = host('a', '127.0.0.1', await freePort());
  const reviews = {
    ...workload(here, 'reviews', [{ ...CALLED[0]!, number: app.port }]),
    outboundPort: await freePort(),
  };
  const near = instance({ ...here, name: 'b' }, reviews);
  const [port, inboundPort] = [await freePort(), await freePort()];
  const compiler = new Compiler();
  const compiled = (address: string): readonly Resource[] => {
    const reach = { ...near.reach, tunnel: `${address}:${here.tunnelPort}` };
    const made = input(here, [reviews], [service('reviews', 1, CALLED, [{ ...near, reach } as Instance])]);
    const settings = { ...made.settings, inboundPort, admittedLog: on.paths.admitted };
    const { resources } = compiler.compile({ ...made, settings });
    return [...resources, tcpCaller(port, id('web'), '240.240.0.1')];
  };
  const resources = compiled(at);
  const ca = authority(DOMAIN);
  const certificates = ['web', 'reviews'].map(name => certificate(ca, id(name)));
  const { ads } = await on.serve(first(resources), { secrets: { certificates, roots: ca.root } });
  await taken(ads);
  const stack = built.move();
  return {
    port,
    tunnel: `${at}:${here.tunnelPort}`,
    resources,
    moved: compiled,
    async apply(changed) {
      ads.update(changed);
      await taken(ads);
    },
    line: async () => {
      const line = new Line('web', port);
      if (!(await line.talks('first'))) throw new Error('the call was not answered');
      return line;
    },
    opened: async () => (await on.admin.stats(`^cluster\\.${HBONE}\\.upstream_cx_total$`))[0]?.value ?? 0,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function taken(ads: AdsServer): Promise<void> {
  const refused = await ads.applied(soon());
  if (refused.length > 0) throw new Error(JSON.stringify(refused));
}

/** These, with other hosts to carry calls to. */
function listing(resources: readonly Resource[], hosts: readonly string[]): readonly Resource[] {
  const isList = ({ typeUrl, name }: Resource): boolean => typeUrl === TYPE.endpoints && name === HBONE;
  return [...resources.filter(each => !isList(each)), hboneHosts(hosts, true)];
}

/** As agents of before gave it: the host is an address that Envoy is told with each call. */
function unlisted(resources: readonly Resource[]): readonly Resource[] {
  return resources.flatMap(each => {
    const { typeUrl, name, body } = each;
    if (name !== HBONE || typeUrl === TYPE.listener) return each;
    if (typeUrl === TYPE.endpoints) return [];
    const { eds_cluster_config: _eds, load_balancing_policy: _policy, ...others } = body;
    const byAddress = {
      type: 'ORIGINAL_DST',
      lb_policy: 'CLUSTER_PROVIDED',
      original_dst_lb_config: { metadata_key: { key: METADATA, path: [{ key: 'host' }] } },
    };
    return resource(typeUrl, name, { ...others, ...byAddress }, []);
  });
}

/** Has calls go on one after the other, until some more were made after a change. @throws when one is not answered. */
async function whileCalling(to: World, change: () => Promise<void>): Promise<void> {
  let [over, calls] = [false, 0];
  const calling = (async () => {
    for (; !over; calls += 1) await (await to.line()).end();
  })();
  const more = async (): Promise<void> => {
    const wanted = calls + 20;
    await eventually(
      'more calls',
      () => calls,
      found => found >= wanted,
      { pauseMs: 5 },
    );
  };
  const changing = more()
    .then(change)
    .then(more)
    .finally(() => {
      over = true;
    });
  await Promise.all([calling, changing]);
}

const same = (resources: readonly Resource[]): readonly Resource[] => resources;

// One after the other: the connections of one test would have ports that another chose for its listeners.
for (const at of ['127.0.0.1', '[0:0::0001]'])
  test.serial(
    `calls that start together to a host that nobody called yet, at ${at}, share one tunnel per worker`,
    async t => {
      await using to = await world(same, at);
      const lines = Array.from({ length: 24 }, () => new Line('web', to.port));
      const answered = await Promise.all(lines.map((line, index) => line.talks(`word ${index}`)));
      t.deepEqual(new Set(answered), new Set([true]));
      const tunnels = await to.opened();
      t.true(tunnels >= 1 && tunnels <= WORKERS, `${tunnels} tunnels`);
      for (const line of lines) await line.end();
    },
  );

test.serial('a call to a host that is not listed fails, and goes to no other', async t => {
  await using other = await echo();
  const listed = `127.0.0.1:${other.port}`;
  await using to = await world(resources => listing(resources, [listed]));
  const line = new Line('web', to.port);
  t.false(await line.talks('to nobody'));
  t.is(await to.opened(), 0);
  await to.apply(to.resources);
  await (await to.line()).end();
});

test.serial(
  'a host that is listed no more keeps the connections that stand, and gets no others until it is back',
  async t => {
    await using to = await world(same);
    const before = await to.line();
    await to.apply(listing(to.resources, []));
    t.true(await before.talks('still there'));
    t.false(await new Line('web', to.port).talks('to nobody'));
    const opened = await to.opened();
    await to.apply(to.resources);
    const after = await to.line();
    t.is(await to.opened(), opened + 1);
    t.true(await before.talks('still there'));
    for (const line of [before, after]) await line.end();
  },
);

test.serial('another host in the list moves no connections, and is called by who starts next', async t => {
  await using to = await world(same);
  const lines = await Promise.all(Array.from({ length: 8 }, () => to.line()));
  const opened = await to.opened();
  await to.apply(listing(to.resources, [to.tunnel, '10.255.0.9:15008', '[fd00::9]:15008']));
  await Promise.all(Array.from({ length: 8 }, () => to.line())).then(more => lines.push(...more));
  t.true((await to.opened()) <= WORKERS, `${opened}, then ${await to.opened()} tunnels`);
  for (const line of lines) await line.end();
});

test.serial('an Envoy of an agent that listed no hosts gets the list without a call lost', async t => {
  await using to = await world(unlisted);
  const before = await to.line();
  await whileCalling(to, () => to.apply(to.resources));
  t.true(await before.talks('still there'));
  await before.end();
});

test.serial(
  'an instance that moves from host to host loses no call, though none of them was listed before',
  async t => {
    await using to = await world(same);
    const before = await to.line();
    await whileCalling(to, async () => {
      for (let host = 2; host < 22; host += 1) await to.apply(to.moved(`127.0.0.${host}`));
    });
    t.true(await before.talks('still there'));
    await before.end();
  },
);
