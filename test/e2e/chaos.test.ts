import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import anyTest, { type TestFn } from 'ava';
import type { ServiceReport } from '../../manager/api/inspect.ts';
import { eventually } from '../eventually.ts';
import { type Load, runLoad, startLoad } from '../hosts/apps.ts';
import { loadRules } from '../hosts/rules.ts';
import { Cast, meshedIn, REVIEWS, server, UID } from './cast.ts';
import type { MeshHost } from './mesh.ts';
import { fell } from './reboot.ts';

const test = anyTest as TestFn<{ cast: Cast }>;

test.before(async t => {
  t.timeout(240_000);
  t.context.cast = await Cast.create('chaos');
});
test.after.always(async t => {
  await t.context.cast?.[Symbol.asyncDispose]();
});

const web = { uid: UID.web };

/** Calls from `web` to all instances, 200 a second, that are flowing when this resolves. */
async function calls(cast: Cast): Promise<Load> {
  const load = startLoad(cast.alpha.host, { url: REVIEWS, connections: 4, rate: 200 }, web);
  await load.until(({ requests }) => requests > 100);
  return load;
}

/** Resolves when so many more calls were made. */
async function more(load: Load, count: number): Promise<void> {
  const { requests } = load.now();
  await load.until(report => report.requests > requests + count);
}

/** Looks again and again at how many instances of `reviews` stand in the mesh, until it is disposed. */
function watchMeshed(cast: Cast): AsyncDisposable & { readonly fewest: () => number } {
  let fewest = Number.POSITIVE_INFINITY;
  let over = false;
  const socket = join(cast.mesh.control.runDir, 'manager.sock');
  const ask = ['curl', '-sS', '--max-time', '5', '--unix-socket', socket, 'http://manager/isthmus/v1/services'];
  const look = async (): Promise<void> => {
    while (!over) {
      const { items } = JSON.parse(await cast.mesh.control.run(ask)) as { readonly items: readonly ServiceReport[] };
      fewest = Math.min(fewest, meshedIn(items));
    }
  };
  const looking = look();
  return {
    fewest: () => fewest,
    async [Symbol.asyncDispose]() {
      over = true;
      await looking;
    },
  };
}

test.serial(
  'an agent that is killed as soon as a service was called for the first time knows it when it is back',
  async t => {
    const { cast } = t.context;
    t.deepEqual((await cast.alpha.status()).services, []);
    const load = startLoad(cast.alpha.host, { url: REVIEWS, connections: 4, rate: 200 }, web);
    await load.until(({ requests }) => requests > 0);
    await cast.alpha.agent().kill('SIGKILL');
    await cast.alpha.startAgent();
    await eventually(
      'Envoy comes back to its agent',
      () => cast.alpha.status(),
      ({ envoy }) => envoy.connected,
    );
    await more(load, 200);
    const { failed, failures } = await load.stop();
    t.is(failed, 0, JSON.stringify(failures));
  },
);

test.serial('the agents are killed and come back: calls go on, Envoy is adopted', async t => {
  const { cast } = t.context;
  const load = await calls(cast);
  await using watch = watchMeshed(cast);
  for (const host of [cast.alpha, cast.beta]) {
    const before = await host.status();
    await host.agent().kill('SIGKILL');
    await more(load, 100);
    await host.startAgent();
    const after = await eventually(
      // Envoy may be back before its agent has found out which process it is.
      'Envoy comes back to its agent',
      () => host.status(),
      ({ envoy }) => envoy.connected && envoy.pid > 0,
    );
    t.is(after.envoy.pid, before.envoy.pid);
    t.not(after.pid, before.pid);
  }
  await more(load, 100);
  t.is(watch.fewest(), 4, 'an agent that starts must not tell that it has no workloads');
  const { failed, failures } = await load.stop();
  t.is(failed, 0, JSON.stringify(failures));
});

test.serial('Envoy is killed: it is back in a moment', async t => {
  const { cast } = t.context;
  const load = await calls(cast);
  const { envoy } = await cast.alpha.status();
  process.kill(envoy.pid, 'SIGKILL');
  await eventually(
    'another Envoy',
    () => cast.alpha.status(),
    status => status.envoy.connected && status.envoy.pid !== envoy.pid,
  );
  await more(load, 200);
  const { longestGapMs, failures } = await load.stop();
  t.log(`no answer for ${longestGapMs} ms`);
  t.true(longestGapMs < 1_000, `no answer for ${longestGapMs} ms; ${JSON.stringify(failures)}`);
  const after = await runLoad(cast.alpha.host, { url: REVIEWS, requests: 100 }, web);
  t.is(after.failed, 0, JSON.stringify(after.failures));
});

test.serial('the Envoy of the other host is killed: calls find the instances that are left', async t => {
  const { cast } = t.context;
  const load = await calls(cast);
  const { envoy } = await cast.beta.status();
  process.kill(envoy.pid, 'SIGKILL');
  await eventually(
    'another Envoy',
    () => cast.beta.status(),
    status => status.envoy.connected && status.envoy.pid !== envoy.pid,
  );
  const { byInstance } = load.now();
  await load.until(report => (report.byInstance['r3'] ?? 0) > (byInstance['r3'] ?? 0) + 20, 60_000);
  const { requests, failed, failures } = await load.stop();
  // What was under way in the killed Envoy, and may not be sent twice, is lost: no more than one for each connection.
  t.true(failed <= 4, `${failed} of ${requests}: ${JSON.stringify(failures)}`);
});

test.serial('the Manager is killed: calls go on; a change made while it was away arrives', async t => {
  const { cast } = t.context;
  const load = await calls(cast);
  await cast.mesh.manager.kill('SIGKILL');
  await cast.outOfConsul('r2');
  await more(load, 200);
  await cast.mesh.startManager();
  await cast.meshed(3);
  await cast.inConsul('r2', cast.alpha.host, 9082, 'v2');
  await cast.meshed(4);
  const { failed, failures, byInstance } = await load.stop();
  t.is(failed, 0, JSON.stringify(failures));
  t.is(Object.keys(byInstance).length, 4);
});

test.serial('Consul and ZooKeeper are killed and come back: last known instances stay', async t => {
  const { cast } = t.context;
  const load = await calls(cast);
  await cast.consul.kill();
  await cast.zookeeper.kill();
  await eventually('both are known to be stale', registries(cast), states => states.every(state => state === 'stale'));
  await more(load, 200);
  t.is((await cast.mesh.services()).find(({ name }) => name === 'reviews')?.instances.length, 4);
  await Promise.all([cast.consul.start(), cast.zookeeper.start()]);
  await eventually('both are followed again', registries(cast), states => states.every(state => state === 'synced'));
  await cast.meshed(4);
  const { failed, failures } = await load.stop();
  t.is(failed, 0, JSON.stringify(failures));
});

test.serial('the session with ZooKeeper expires: its instances stay, and what changed meanwhile arrives', async t => {
  const { cast } = t.context;
  const load = await calls(cast);
  const session = await zooKeeperSession(cast);
  {
    await using watch = watchMeshed(cast);
    await using _cut = await cutOffZooKeeper(cast);
    await cast.outOfZooKeeper(2);
    await eventually(
      'the server gives the session up',
      () => cast.zookeeper.log(),
      log => log.includes(`Expiring session ${session},`),
    );
    await eventually('ZooKeeper is known to be stale', registries(cast), states => states.includes('stale'));
    await more(load, 200);
    t.is(watch.fewest(), 4);
  }
  await eventually('both are followed again', registries(cast), states => states.every(state => state === 'synced'));
  await cast.meshed(3);
  t.not(await zooKeeperSession(cast), session);
  await cast.inZooKeeper(2, cast.beta.host, 9082, 'v2');
  await cast.meshed(4);
  const { failed, failures } = await load.stop();
  t.is(failed, 0, JSON.stringify(failures));
});

test.serial('with no Manager for the whole life of a host that was rebooted, calls go on', async t => {
  const { cast } = t.context;
  t.is((await runLoad(cast.alpha.host, { url: REVIEWS, requests: 20 }, web)).failed, 0);
  await cast.mesh.manager.kill('SIGKILL');
  t.true((await left(cast.alpha)).every(one => one));
  await fell(cast.alpha);
  t.deepEqual(await left(cast.alpha), [false, false, false]);
  const started = performance.now();
  await cast.alpha.startAgent();
  await eventually(
    'the first call',
    () => runLoad(cast.alpha.host, { url: REVIEWS, requests: 1 }, web),
    ({ failed }) => failed === 0,
  );
  t.log(`from the start of the agent to the first call: ${Math.round(performance.now() - started)} ms`);
  const report = await runLoad(cast.alpha.host, { url: REVIEWS, requests: 200, connections: 4 }, web);
  t.is(report.failed, 0, JSON.stringify(report.failures));
  t.is(Object.keys(report.byInstance).length, 4);
  t.false((await cast.alpha.status()).manager.connected);
  await cast.alpha.agent().kill('SIGKILL');
  await cast.alpha.startAgent();
  await cast.mesh.startManager();
  await cast.meshed(4);
});

test.serial('a host that is not heard of loses its instances, and its return brings them back', async t => {
  const { cast } = t.context;
  await cast.beta.agent().kill('SIGKILL');
  await cast.meshed(2);
  const load = await calls(cast);
  await cast.beta.startAgent();
  await cast.meshed(4);
  await load.until(({ byInstance }) => (byInstance['r4'] ?? 0) > 10);
  const { failed, failures } = await load.stop();
  t.is(failed, 0, JSON.stringify(failures));
});

test.serial('with the agent dead, names that are none of the mesh still resolve', async t => {
  const { cast } = t.context;
  const { host } = cast.alpha;
  await using _server = await nameServer(cast);
  await host.setResolvers([cast.mesh.control.address]);
  const ask = async (name: string): Promise<string> =>
    (await host.exec(['getent', 'ahostsv4', name], { uid: UID.web })).stdout;
  await eventually(
    'both kinds of name',
    async () => [await ask('outside.example'), await ask('reviews')],
    ([outside, reviews]) => outside!.startsWith('192.0.2.7') && reviews!.startsWith('240.240.'),
  );
  await cast.alpha.agent().kill('SIGKILL');
  await eventually(
    'names of others',
    () => ask('outside.example'),
    answer => answer.startsWith('192.0.2.7'),
    { timeoutMs: 10_000 },
  );
  await cast.alpha.startAgent();
  await eventually(
    'names of the mesh',
    () => ask('reviews'),
    answer => answer.startsWith('240.240.'),
  );
  await host.setResolvers([]);
  await eventually(
    'names of the mesh after the servers changed',
    () => ask('reviews'),
    answer => answer.startsWith('240.240.'),
  );
  t.pass();
});

test.serial('a workload that leaves is let go of, and one that comes joins', async t => {
  const { cast } = t.context;
  await cast.alpha.removeWorkload('other');
  await cast.joined(cast.alpha, 3);
  const left = await cast.alpha.host.exec(['curl', '-sS', '--max-time', '3', 'http://240.240.1.1:9080/'], {
    uid: UID.other,
  });
  t.is(left.code, 7, left.stderr);
  await cast.alpha.workload({ name: 'other', selector: { user: UID.other } });
  await cast.joined(cast.alpha, 4);
  const report = await runLoad(cast.alpha.host, { url: REVIEWS, requests: 20 }, { uid: UID.other });
  t.is(report.failed, 0, JSON.stringify(report.failures));
  await cast.beta.workload(server('r4', UID.second, 9082, 'v2'));
});

test.serial('uninstall leaves the rules byte for byte as they were, and the host calls as before', async t => {
  const { cast } = t.context;
  const fresh = await cast.mesh.network.host('gamma');
  const foreign =
    'table inet others {\n\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n\t\ttcp dport 4 drop\n\t}\n}\n';
  await fresh.run(['sh', '-c', 'cat | /usr/sbin/nft -f -'], { input: foreign });
  const rules = async (): Promise<string> => fresh.run(['/usr/sbin/nft', 'list', 'ruleset']);
  const routes = async (): Promise<string> =>
    `${await fresh.run(['ip', 'route'])}${await fresh.run(['ip', '-6', 'route'])}`;
  const before = [await rules(), await routes()];
  const gamma = await cast.mesh.joinHost(fresh, [{ name: 'web', selector: { user: UID.web } }]);
  await cast.joined(gamma, 1);
  t.is((await runLoad(fresh, { url: REVIEWS, requests: 20 }, web)).failed, 0);
  const { envoy } = await gamma.status();
  t.not(await rules(), before[0]);
  const { code, stdout, stderr } = await gamma.isthmus('agent', 'uninstall');
  t.is(code, 0, stdout + stderr);
  t.deepEqual([await rules(), await routes()], before);
  t.is(await readFile(`/proc/${envoy.pid}/cmdline`, 'utf8').catch(() => ''), '');
});

function registries(cast: Cast): () => Promise<readonly string[]> {
  return async () => {
    const { registries: all } = JSON.parse(await cast.mesh.isthmus('status', '--output', 'json')) as {
      registries: { state: string }[];
    };
    return all.map(({ state }) => state);
  };
}

/** The Manager's session, as ZooKeeper names it: `0x100…`. */
async function zooKeeperSession({ zookeeper, mesh }: Cast): Promise<string> {
  const connections = (await zookeeper.word('cons')).split('\n');
  const own = connections.filter(line => line.includes(`/${mesh.control.address}:`));
  const [, session] = /,sid=(0x[0-9a-f]+),/.exec(own.join('\n')) ?? [];
  if (session === undefined) throw new Error(`the Manager has no session: ${connections.join('\n')}`);
  return session;
}

/** Nothing passes between the Manager and ZooKeeper until it is disposed: no goodbye either, after which no session would expire. */
async function cutOffZooKeeper({ zookeeper, mesh: { control } }: Cast): Promise<AsyncDisposable> {
  const cut = `table inet cut {
    chain arriving {
      type filter hook input priority filter
      ip daddr ${control.address} tcp dport ${zookeeper.port} drop
      ip saddr ${control.address} tcp sport ${zookeeper.port} drop
    }
  }`;
  await loadRules(control, cut);
  return {
    async [Symbol.asyncDispose]() {
      await control.run(['/usr/sbin/nft', 'delete', 'table', 'inet', 'cut']);
    },
  };
}

/** What a reboot takes away: whether the host has rules, routes and a folder in /run. */
async function left({ host }: MeshHost): Promise<readonly boolean[]> {
  const rules = await host.run(['/usr/sbin/nft', 'list', 'ruleset']);
  const route = await host.run(['ip', 'route', 'get', '240.240.1.1']);
  return [rules !== '', route.startsWith('local '), existsSync(host.runDir)];
}

/** A name server on the control host that knows `outside.example`. */
async function nameServer(cast: Cast): Promise<AsyncDisposable> {
  const file = new URL('name-server.ts', import.meta.url).pathname;
  const running = cast.mesh.control.spawn([process.execPath, file, cast.mesh.control.address]);
  await running.line(/answering/);
  return running;
}
