import anyTest, { type TestFn } from 'ava';
import { eventually } from '../eventually.ts';
import { runLoad, startBanner, startEcho, startLoad } from '../hosts/apps.ts';
import type { Exit, Running } from '../hosts/process.ts';
import { policy, UID } from './cast.ts';
import { Mesh, type MeshHost } from './mesh.ts';
import { counted, underWay } from './proxy-stats.ts';

interface Context {
  readonly mesh: Mesh;
  readonly alpha: MeshHost;
}

const test = anyTest as TestFn<Context>;

const URL_OF_REVIEWS = 'http://reviews:9080/';
/** Longer than HTTP callers have to move once a policy refuses them. */
const LONG = `${URL_OF_REVIEWS}wait/20000`;
const web = { uid: UID.web };
const other = { uid: UID.other };

const DENY_OTHER = policy('deny-other', {
  action: 'DENY',
  rules: [{ from: [{ source: { principals: ['isthmus.mesh/ns/default/sa/other'] } }] }],
});

const OTHER = { name: 'other', selector: { user: UID.other } };
const SERVERS = {
  reviews: {
    name: 'reviews',
    selector: { user: UID.first },
    services: ['reviews'],
    ports: [{ name: 'http', port: 9080, protocol: 'http' }],
  },
  ledger: {
    name: 'ledger',
    selector: { user: UID.ledger },
    services: ['ledger'],
    ports: [{ name: 'tcp', port: 7000, protocol: 'tcp' }],
  },
};

test.before(async t => {
  t.timeout(240_000);
  const mesh = await Mesh.create('delivery');
  t.context = { mesh } as Context;
  await mesh.startManager({ registries: [] });
  const alpha = await mesh.host('alpha', [
    { name: 'web', selector: { user: UID.web } },
    OTHER,
    ...Object.values(SERVERS),
  ]);
  t.context = { mesh, alpha };
  await startEcho(alpha.host, 'reviews', [9080], { uid: UID.first });
  await startBanner(alpha.host, 'ledger', 7000, { uid: UID.ledger });
  for (const user of [web, other])
    await eventually(
      'both services answer',
      async () => [await curl(alpha, user, URL_OF_REVIEWS), await banner(alpha, user)],
      ([answer, first]) => answer!.stdout.endsWith(' 200') && first!.stdout === 'ledger ready\n',
    );
});
test.after.always(async t => {
  await t.context.mesh?.[Symbol.asyncDispose]();
});

type User = { readonly uid: number };

function curl({ host }: MeshHost, user: User, url: string): Promise<Exit> {
  return host.exec(['curl', '-sS', '--max-time', '30', '-w', ' %{http_code}', url], user);
}

function banner({ host }: MeshHost, user: User): Promise<Exit> {
  return host.exec(['socat', '-u', 'TCP:ledger:7000,readbytes=13', '-'], user);
}

/** A TCP connection that stands. */
async function dial({ host }: MeshHost, user: User): Promise<Running> {
  const line = host.spawn(['socat', '-', 'TCP:ledger:7000'], { ...user, keepStdin: true });
  await line.line(/^ledger ready$/);
  return line;
}

let words = 0;

/** Resolves when a word comes back. */
async function talks(line: Running): Promise<void> {
  words += 1;
  line.child.stdin!.write(`word ${words}\n`);
  await line.line(text => text === `word ${words}`);
}

/** How many connections came to the workloads through listeners that judge callers. */
function judged(alpha: MeshHost): Promise<number> {
  return counted(alpha, '^cluster\\.app\\|.*\\.upstream_cx_total$');
}

/** Resolves when calls of `web` come to no listener that judges callers, any more. */
async function direct(alpha: MeshHost): Promise<void> {
  await eventually(
    'calls are dialled',
    async () => {
      const before = await judged(alpha);
      const { failed } = await runLoad(alpha.host, { url: URL_OF_REVIEWS, requests: 20, keepAlive: false }, web);
      return { failed, judged: (await judged(alpha)) - before };
    },
    found => found.failed === 0 && found.judged === 0,
  );
}

test.serial('where no policy is, nobody is judged', async t => {
  const { alpha } = t.context;
  for (const user of [web, other]) {
    const { failed, failures } = await runLoad(alpha.host, { url: URL_OF_REVIEWS, requests: 100 }, user);
    t.is(failed, 0, JSON.stringify(failures));
    await using line = await dial(alpha, user);
    await talks(line);
  }
  t.is(await judged(alpha), 0);
});

test.serial('a policy that comes under load ends what the refused one has, and nothing of who is allowed', async t => {
  t.timeout(120_000);
  const { mesh, alpha } = t.context;
  const load = startLoad(alpha.host, { url: URL_OF_REVIEWS, connections: 4, rate: 200 }, web);
  await load.until(({ requests }) => requests > 50);
  await using line = await dial(alpha, web);
  await using refused = await dial(alpha, other);
  const [long, refusedLong] = [curl(alpha, web, LONG), curl(alpha, other, LONG)];
  await underWay(alpha, 2);
  const refusedLoad = startLoad(alpha.host, { url: URL_OF_REVIEWS, connections: 2, rate: 50 }, other);
  await refusedLoad.until(({ requests }) => requests > 20);

  await mesh.apply(DENY_OTHER);
  const { signal } = await refused.exited;
  t.is(signal, undefined, 'nobody but the mesh ended it');
  const { failures } = await refusedLoad.until(report => report.failed > 20);
  t.deepEqual(
    Object.keys(failures).filter(reason => !reason.startsWith('status 403: ')),
    [],
  );
  await refusedLoad.stop();
  t.true((await curl(alpha, other, URL_OF_REVIEWS)).stdout.endsWith(' 403'));
  t.is((await banner(alpha, other)).stdout, '');
  await talks(line);
  t.false((await refusedLong).stdout.endsWith(' 200'));
  t.true((await long).stdout.endsWith(' 200'));
  await talks(line);
  t.true((await judged(alpha)) > 0);

  await mesh.isthmus('delete', 'authorizationpolicy', 'deny-other');
  await eventually(
    'other is served again',
    () => curl(alpha, other, URL_OF_REVIEWS),
    ({ stdout }) => stdout.endsWith(' 200'),
  );
  await direct(alpha);
  await talks(line);
  const report = await load.stop();
  t.is(report.failed, 0, JSON.stringify(report.failures));
});

test.serial('a policy that comes while the agent is dead ends what stands, once it is back', async t => {
  const { mesh, alpha } = t.context;
  const load = startLoad(alpha.host, { url: URL_OF_REVIEWS, connections: 4, rate: 200 }, web);
  await load.until(({ requests }) => requests > 50);
  await using line = await dial(alpha, web);
  await using refused = await dial(alpha, other);
  await alpha.agent().kill('SIGKILL');
  await mesh.apply(DENY_OTHER);
  await talks(refused);
  await alpha.startAgent();
  const { signal } = await refused.exited;
  t.is(signal, undefined, 'nobody but the mesh ended it');
  await talks(line);
  await eventually(
    'other is refused',
    () => curl(alpha, other, URL_OF_REVIEWS),
    ({ stdout }) => stdout.endsWith(' 403'),
  );
  await mesh.isthmus('delete', 'authorizationpolicy', 'deny-other');
  await direct(alpha);
  const report = await load.stop();
  t.is(report.failed, 0, JSON.stringify(report.failures));
});

/** Resolves when a line, and a request that is long under way, of `other` ended by a policy; takes the policy back. */
async function endsOther({ mesh }: Context, line: Running, long: Promise<Exit>): Promise<Exit> {
  await mesh.apply(DENY_OTHER);
  await line.exited;
  const ended = await long;
  await mesh.isthmus('delete', 'authorizationpolicy', 'deny-other');
  return ended;
}

/** How many workloads are there. */
async function count(alpha: MeshHost, wanted: number): Promise<void> {
  await eventually(
    `${wanted} workloads`,
    () => alpha.status(),
    ({ workloads }) => workloads.length === wanted && workloads.every(({ state }) => state === 'joined'),
  );
}

test.serial('what a policy refuses ends also where its service leads there no more', async t => {
  t.timeout(120_000);
  const { mesh, alpha } = t.context;
  await using line = await dial(alpha, other);
  const long = curl(alpha, other, LONG);
  const allowed = curl(alpha, web, LONG);
  await underWay(alpha, 2);
  for (const name of ['reviews', 'ledger'] as const) await alpha.workload({ ...SERVERS[name], services: [] });
  await eventually(
    'the services lead nowhere',
    () => mesh.services(),
    services => services.every(({ instances }) => instances.length === 0),
  );
  const ended = await endsOther(t.context, line, long);
  t.notRegex(ended.stdout, / 200$/);
  t.regex((await allowed).stdout, / 200$/);
  for (const server of Object.values(SERVERS)) await alpha.workload(server);
  await direct(alpha);
});

test.serial('who is refused and leaves the mesh gets no further over the connections that stand', async t => {
  const { mesh, alpha } = t.context;
  await mesh.apply(DENY_OTHER);
  await eventually(
    'other is refused',
    () => curl(alpha, other, URL_OF_REVIEWS),
    ({ stdout }) => stdout.endsWith(' 403'),
  );
  const load = startLoad(alpha.host, { url: URL_OF_REVIEWS, rate: 50 }, other);
  await load.until(({ requests }) => requests > 20);
  await alpha.removeWorkload('other');
  await count(alpha, 3);
  const { requests } = load.now();
  await load.until(report => report.requests > requests + 50);
  await alpha.agent().kill('SIGKILL');
  await alpha.startAgent();
  await load.until(report => report.requests > requests + 200);
  const { byInstance } = await load.stop();
  t.deepEqual(byInstance, {});
  await alpha.workload(OTHER);
  await count(alpha, 4);
  await mesh.isthmus('delete', 'authorizationpolicy', 'deny-other');
  await direct(alpha);
});

test.serial('what a policy refuses ends also where its caller left the mesh', async t => {
  t.timeout(120_000);
  const { alpha } = t.context;
  await using line = await dial(alpha, other);
  const long = curl(alpha, other, LONG);
  await underWay(alpha, 1);
  await alpha.removeWorkload('other');
  await count(alpha, 3);
  await talks(line);
  const ended = await endsOther(t.context, line, long);
  t.notRegex(ended.stdout, / 200$/);
  await alpha.workload(OTHER);
  await count(alpha, 4);
});
