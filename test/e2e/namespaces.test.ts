import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import anyTest, { type TestFn } from 'ava';
import { stringify } from 'yaml';
import { eventually } from '../eventually.ts';
import { runLoad, startEcho, startLoad } from '../hosts/apps.ts';
import type { Container, Place } from '../hosts/host.ts';
import { loadRules } from '../hosts/rules.ts';
import { onlyWeb, UID } from './cast.ts';
import { Mesh, type MeshHost, type WorkloadFile } from './mesh.ts';
import { underWay } from './proxy-stats.ts';

interface Context {
  readonly mesh: Mesh;
  readonly alpha: MeshHost;
  readonly beta: MeshHost;
  /** A caller with a network of its own, on alpha. */
  readonly box: Container;
  /** A server with a network of its own, on beta: no other host has a route to it. */
  readonly vault: Container;
}

const test = anyTest as TestFn<Context>;
const REVIEWS = 'http://reviews:9080/';
/** Has no instance in a container. */
const STEADY = 'http://steady:9081/';

/** Says in files where `reviews` is, and that there is a `stock` in two namespaces. Resolves to their folder. */
async function writeServices(mesh: Mesh, inside: string, outside: string): Promise<string> {
  const services = join(mesh.control.configDir, 'services.d');
  await mkdir(services);
  const port = { name: 'http', number: 9080, protocol: 'http' };
  const instances = [
    { id: 'inside', address: inside, port: 8080 },
    { id: 'outside', address: outside, port: 9081 },
  ];
  const stock = ['default', 'shop'].map(namespace => ({ name: 'stock', namespace, ports: [port], instances: [] }));
  await writeFile(
    join(services, 'services.yaml'),
    stringify({ services: [{ name: 'reviews', ports: [port], instances }, ...stock] }),
  );
  return services;
}

/** The instances of `reviews`, one of them in a container. */
function serversOf(vault: Container): readonly WorkloadFile[] {
  const http = { name: 'http', protocol: 'http' };
  const labels = { app: 'reviews' };
  return [
    {
      name: 'inside',
      labels,
      selector: { networkNamespace: vault.namespacePath },
      addresses: [vault.address],
      ports: [{ ...http, port: 8080 }],
    },
    {
      name: 'outside',
      labels,
      selector: { user: UID.first },
      ports: [{ ...http, port: 9081 }],
      services: ['steady'],
    },
  ];
}

test.before(async t => {
  t.timeout(240_000);
  const mesh = await Mesh.create('spaces');
  t.context = { mesh } as Context;
  const [first, second] = [await mesh.network.host('alpha'), await mesh.network.host('beta')];
  const [box, vault] = [await first.container('box'), await second.container('vault')];
  const services = await writeServices(mesh, vault.address, second.address);
  await mesh.startManager({ registries: [{ kind: 'file', path: services }] });
  const workloads = [
    { name: 'box', namespace: 'shop', selector: { networkNamespace: box.namespacePath }, addresses: [box.address] },
    { name: 'web', selector: { user: UID.web } },
    { name: 'clerk', namespace: 'shop', selector: { user: UID.other } },
  ];
  const alpha = await mesh.joinHost(first, workloads, ['default/*', 'shop/*']);
  const beta = await mesh.joinHost(second, serversOf(vault));
  await startEcho(vault, 'inside', ['127.0.0.1:8080'], { uid: UID.first });
  await startEcho(second, 'outside', [9081], { uid: UID.first });
  for (const [host, count] of [
    [alpha, 3],
    [beta, 2],
  ] as const)
    await eventually(
      `the workloads of ${host.host.name}`,
      () => host.status(),
      ({ workloads }) => workloads.length === count && workloads.every(({ state }) => state === 'joined'),
    );
  await eventually(
    'both instances',
    () => mesh.services(),
    ([reviews]) => reviews?.instances.filter(({ reach }) => reach.kind === 'mesh').length === 2,
  );
  for (const place of [box, first]) {
    const ask = async (): Promise<string> =>
      (await place.exec(['getent', 'ahostsv4', 'reviews'], { uid: UID.web })).stdout;
    await eventually(`names at ${place.name}`, ask, answer => answer.startsWith('240.240.'));
  }
  Object.assign(t.context, { mesh, alpha, beta, box, vault });
});

test.after.always(async t => {
  await t.context.mesh?.[Symbol.asyncDispose]();
});

test.serial('a workload with a network of its own calls, and is called, without a route to it', async t => {
  const { box, alpha } = t.context;
  for (const [place, user] of [
    [box, { uid: UID.web }],
    [alpha.host, { uid: UID.web }],
  ] as const) {
    const report = await runLoad(place, { url: REVIEWS, requests: 100, connections: 2 }, user);
    t.is(report.failed, 0, `${place.name}: ${JSON.stringify(report.failures)}`);
    t.deepEqual(Object.keys(report.byInstance).sort(), ['inside', 'outside']);
  }
});

test.serial(
  'requests under way end when a policy comes that refuses their caller, in namespaces too, and no others',
  async t => {
    const { mesh, box, alpha } = t.context;
    const wait = async (place: Place, ms: number): Promise<{ readonly answer: string; readonly after: number }> => {
      const since = performance.now();
      const url = `${REVIEWS}wait/${ms}`;
      const words = ['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '--max-time', '90', url];
      const { stdout } = await place.exec(words, { uid: UID.web, timeoutMs: 100_000 });
      return { answer: stdout, after: performance.now() - since };
    };
    const refused = Array.from({ length: 4 }, () => wait(box, 80_000));
    const allowed = Array.from({ length: 4 }, () => wait(alpha.host, 25_000));
    const under = await runLoad(box, { url: REVIEWS, requests: 20 }, { uid: UID.web });
    t.is(under.failed, 0, JSON.stringify(under.failures));
    await underWay(alpha, refused.length + allowed.length);
    await mesh.apply(onlyWeb('reviews'));
    for (const { answer, after } of await Promise.all(refused)) {
      t.regex(answer, /^(403|503|000)$/);
      t.true(after > 10_000 && after < 75_000, `${answer} after ${after} ms`);
    }
    for (const { answer } of await Promise.all(allowed)) t.is(answer, '200');
    await mesh.isthmus('delete', 'authorizationpolicy', 'only-web-reviews');
  },
);

test.serial('its identity is its own: policy lets one in and not the other', async t => {
  const { mesh, box, alpha } = t.context;
  await mesh.apply(onlyWeb('reviews'));
  const user = { uid: UID.web };
  const refused = await eventually(
    'box is refused',
    () => runLoad(box, { url: REVIEWS, requests: 20 }, user),
    ({ failures }) =>
      Object.keys(failures).length === 1 &&
      failures[Object.keys(failures)[0]!] === 20 &&
      Object.keys(failures)[0]!.startsWith('status 403'),
  );
  for (const reason of Object.keys(refused.failures)) t.regex(reason, /^status 403: .*sa\/box/);
  const allowed = await runLoad(alpha.host, { url: REVIEWS, requests: 50 }, user);
  t.is(allowed.failed, 0, JSON.stringify(allowed.failures));
  t.is(Object.keys(allowed.byInstance).length, 2);
  await mesh.isthmus('delete', 'authorizationpolicy', 'only-web-reviews');
});

test.serial(
  'a short name is looked for in the namespace of the mesh that the asker is in, then in the default one',
  async t => {
    const { alpha, box } = t.context;
    for (const [place, uid, namespace] of [
      [box, UID.web, 'shop'],
      [alpha.host, UID.other, 'shop'],
      [alpha.host, UID.web, 'default'],
    ] as const) {
      const ask = async (name: string): Promise<string> =>
        (await place.run(['getent', 'ahostsv4', name], { uid })).slice(0, 15);
      t.is(await ask('stock'), await ask(`stock.${namespace}.mesh`), `${place.name} ${uid}`);
      t.is(await ask('reviews'), await ask('reviews.default.mesh'), `${place.name} ${uid}`);
    }
  },
);

test.serial('a container that has no IPv6, on a host that has it, calls like any other', async t => {
  const { alpha } = t.context;
  const plain = await alpha.host.container('plain');
  await plain.run(['sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1']);
  await plain.setResolvers([alpha.host.address]);
  t.is(await plain.run(['ip', '-6', 'addr']), '');
  await alpha.workload({ name: 'plain', selector: { networkNamespace: plain.namespacePath } });
  const { byInstance } = await eventually(
    'calls from there',
    () => runLoad(plain, { url: REVIEWS, requests: 20, timeoutMs: 1000 }),
    ({ failed }) => failed === 0,
    { timeoutMs: 20_000 },
  );
  t.deepEqual(Object.keys(byInstance).sort(), ['inside', 'outside']);
  t.regex(await plain.run(['dig', '+short', 'reviews', 'A']), /^240\.240\./);
  t.is(await plain.run(['dig', '+short', 'reviews', 'AAAA']), '');
  await alpha.removeWorkload('plain');
});

test.serial('names of others are asked of the server that the container has, also with the agent dead', async t => {
  const { alpha, box } = t.context;
  await dockerDns(box);
  const ask = async (name: string): Promise<string> =>
    (await box.exec(['getent', 'ahostsv4', name], { uid: UID.web })).stdout;
  const outside = (answer: string): boolean => answer.startsWith('192.0.2.7');
  const mesh = (answer: string): boolean => answer.startsWith('240.240.');
  t.true(outside(await ask('outside.example')));
  t.true(mesh(await ask('reviews')));
  await alpha.agent().kill('SIGKILL');
  const died = performance.now();
  t.true(outside(await ask('outside.example')), 'a lookup just then waits, and does not fail');
  t.log(`names of others resolve ${Math.round(performance.now() - died)} ms after the agent was killed`);
  await alpha.startAgent();
  const started = performance.now();
  await eventually('names of the mesh', () => ask('reviews'), mesh, { timeoutMs: 5_000 });
  t.log(`names of the mesh resolve ${Math.round(performance.now() - started)} ms after the agent began`);
  t.true(outside(await ask('outside.example')));
});

for (const [how, pauseMs] of [
  ['at once', 0],
  ['after a while', 2_500],
] as const) {
  test.serial(`containers that are started again ${how} call and are called, and nobody else notices`, async t => {
    const { alpha, beta, box, vault } = t.context;
    const user = { uid: UID.web };
    const others = startLoad(alpha.host, { url: STEADY, rate: 100 }, user);
    await others.until(({ requests }) => requests > 20);
    for (const container of [box, vault]) await container.stop();
    await delay(pauseMs);
    for (const container of [box, vault]) await container.start();
    const started = performance.now();
    await startEcho(vault, 'inside', ['127.0.0.1:8080'], user);
    await eventually(
      'box calls again',
      () => runLoad(box, { url: REVIEWS, requests: 20, timeoutMs: 1000 }, user),
      ({ failed, byInstance }) => failed === 0 && Object.keys(byInstance).length === 2,
      { timeoutMs: 15_000 },
    );
    t.log(`from the start of the containers to calls through them: ${Math.round(performance.now() - started)} ms`);
    const { failed, failures } = await others.stop();
    t.is(failed, 0, JSON.stringify(failures));
    for (const host of [alpha, beta]) {
      const { envoy } = await host.status();
      t.is(envoy.restarts, 0, JSON.stringify(envoy));
    }
  });
}

test.serial('the agents are killed and come back: calls of workloads with networks of their own go on', async t => {
  const { alpha, beta, box } = t.context;
  const user = { uid: UID.web };
  await eventually(
    'box is let in',
    () => runLoad(box, { url: REVIEWS, requests: 20 }, user),
    ({ failed }) => failed === 0,
  );
  const load = startLoad(box, { url: REVIEWS, connections: 2, rate: 100 }, user);
  await load.until(({ requests }) => requests > 50);
  for (const host of [alpha, beta]) {
    await host.agent().kill('SIGKILL');
    await host.startAgent();
    await eventually(
      'Envoy comes back to its agent',
      () => host.status(),
      ({ envoy }) => envoy.connected,
    );
  }
  const { requests } = load.now();
  await load.until(report => report.requests > requests + 200);
  const { failed, failures } = await load.stop();
  t.is(failed, 0, JSON.stringify(failures));
});

test.serial('a service whose hosts all fall silent is called as before', async t => {
  const { mesh, beta, box } = t.context;
  await beta.agent().kill('SIGKILL');
  await eventually(
    'the host is not heard of',
    () => mesh.services(),
    services =>
      services.find(({ name }) => name === 'reviews')!.instances.every(({ health }) => health === 'unhealthy'),
  );
  const report = await runLoad(box, { url: REVIEWS, requests: 50, rate: 25 }, { uid: UID.web });
  t.is(report.failed, 0, JSON.stringify(report.failures));
  await beta.startAgent();
  await eventually(
    'the host is heard of',
    () => mesh.services(),
    services => services.find(({ name }) => name === 'reviews')!.instances.every(({ health }) => health === 'healthy'),
  );
});

test.serial('uninstall leaves no rule in any namespace', async t => {
  const { alpha, box } = t.context;
  t.not(await box.run(['/usr/sbin/nft', 'list', 'ruleset']), '');
  const { code, stderr } = await alpha.isthmus('agent', 'uninstall');
  t.is(code, 0, stderr);
  t.is(await box.run(['/usr/sbin/nft', 'list', 'ruleset']), '');
  t.notRegex(await alpha.host.run(['/usr/sbin/nft', 'list', 'ruleset']), /isthmus/);
});

/** Gives a container a name server as Docker does: on 127.0.0.11, by address translation to some other port. */
async function dockerDns(container: Container): Promise<void> {
  const file = new URL('name-server.ts', import.meta.url).pathname;
  await container.spawn([process.execPath, file, '127.0.0.11', '41153']).line(/answering/);
  const rules = `table ip docker {
    chain output {
      type nat hook output priority -100
      ip daddr 127.0.0.11 udp dport 53 dnat to 127.0.0.11:41153
    }
    chain postrouting {
      type nat hook postrouting priority 100
      ip saddr 127.0.0.11 udp sport 41153 snat to :53
    }
  }`;
  await loadRules(container, rules);
  await container.setResolvers(['127.0.0.11']);
}
