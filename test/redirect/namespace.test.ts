import { execFile } from 'node:child_process';
import { rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import type { CapturePlan } from '../../agent/redirect/redirect.ts';
import type { NamespaceCapture } from '../../agent/redirect/spec.ts';
import { namespaceAt } from '../../agent/redirect/table.ts';
import { eventually } from '../eventually.ts';
import { startEcho } from '../hosts/apps.ts';
import type { Place } from '../hosts/host.ts';
import { createNetwork } from '../hosts/network.ts';
import { PROXY, planOf, startCapture } from './capture.ts';

/** Where the namespaces have their names: not in the mount namespace of a host. */
const ip = (...args: string[]): Promise<unknown> => promisify(execFile)('ip', args);

const VIP4 = '240.240.0.7';

test('everything in the namespace of a workload is captured but the proxy', async t => {
  await using net = await createNetwork({ prefix: 'inside' });
  const a = await net.host('a');
  const place = await a.container('c1');
  await Promise.all([
    startEcho(place, 'outbound', [15_001], { uid: PROXY }),
    startEcho(place, 'inbound', [15_006], { uid: PROXY }),
    startEcho(place, 'app', [8080]),
  ]);
  const capture = await startCapture(a);
  t.deepEqual(await capture.apply(planOf([], [{ place, ports: [8080] }])), []);
  const answer = async (from: Place, url: string, uid = 0): Promise<string> => {
    const exit = await from.exec(['curl', '-sS', '--max-time', '3', url], { uid });
    return exit.code === 0 ? (JSON.parse(exit.stdout) as { instance: string }).instance : `curl ${exit.code}`;
  };
  t.is(await answer(place, `http://${VIP4}:80/`), 'outbound');
  t.is(await answer(place, 'http://[fd69:7374:686d::7]:80/', 3000), 'outbound');
  t.is(await answer(place, `http://${VIP4}:80/`, PROXY), 'curl 7');
  t.is(await answer(place, 'http://127.0.0.1:8080/'), 'app');
  t.is(await answer(place, 'http://127.0.0.1:8080/', PROXY), 'app');
  t.is(await answer(place, 'http://127.0.0.1:15001/'), 'curl 7');
  t.is(await answer(a, `http://${place.address}:8080/`), 'inbound');
  t.is(await answer(a, `http://${place.address}:15001/`), 'curl 7');
  await capture.apply(planOf([]));
  t.is(await place.run(['/usr/sbin/nft', 'list', 'ruleset']), '');
  t.is(await answer(a, `http://${place.address}:8080/`), 'app');
});

test('a namespace that vanishes is no error, and its successor under the same name is captured anew', async t => {
  await using net = await createNetwork({ prefix: 'vanish' });
  const a = await net.host('a');
  const [c1, c2] = [await a.container('c1'), await a.container('c2')];
  const plan = (): CapturePlan =>
    planOf(
      [],
      [c1, c2].map(place => ({ place, ports: [80] })),
    );
  const capture = await startCapture(a);
  const first = plan();
  await capture.apply(first);
  await capture.run();
  await ip('netns', 'del', c1.namespace);
  t.deepEqual(await capture.apply(first), []);
  await ip('netns', 'add', c1.namespace);
  t.deepEqual(await capture.apply(first), []);
  t.is(await c1.run(['/usr/sbin/nft', 'list', 'ruleset']), '');
  t.regex((await capture.apply(plan()))[0]?.why ?? '', /Invalid prefsrc/);
  await ip('-n', c1.namespace, 'link', 'set', 'lo', 'up');
  t.deepEqual(await capture.apply(plan()), []);
  t.regex(await c1.run(['/usr/sbin/nft', 'list', 'ruleset']), /table inet isthmus/);
  await ip('netns', 'del', c1.namespace);
  await capture.uninstall();
  t.is(await c2.run(['/usr/sbin/nft', 'list', 'ruleset']), '');
});

test("the host's own namespace is not taken for a workload's", async t => {
  await using net = await createNetwork({ prefix: 'own' });
  const a = await net.host('a');
  const capture = await startCapture(a);
  const problems = await capture.apply(planOf([], [{ place: a, ports: [80] }]));
  t.is(problems.length, 1);
  t.regex(problems[0]!.why, /host's own network namespace/);
});

test("a path that led to a workload's namespace and leads to the host's own now costs the host no rule", async t => {
  await using net = await createNetwork({ prefix: 'turned' });
  const a = await net.host('a');
  const place = await a.container('c1');
  const path = join(a.folder, 'turned');
  await symlink(place.namespacePath, path);
  const capture = await startCapture(a);
  const { host, namespaces } = planOf([], [{ place, ports: [80] }]);
  t.deepEqual(await capture.apply({ host, namespaces: [{ ...namespaces[0]!, path }] }), []);
  const tables = (): Promise<string> => a.run(['/usr/sbin/nft', 'list', 'tables']);
  await rm(path);
  await symlink(a.namespacePath, path);
  t.deepEqual(await capture.apply({ host, namespaces: [] }), []);
  t.regex(await tables(), /isthmus/);
  await capture.running.kill('SIGKILL');
  await writeFile(join(a.stateDir, 'redirect.json'), JSON.stringify([path]));
  const next = await startCapture(a);
  t.deepEqual(await next.apply({ host, namespaces: [] }), []);
  t.regex(await tables(), /isthmus/);
});

test('what an earlier process left in namespaces is removed by the next', async t => {
  await using net = await createNetwork({ prefix: 'left' });
  const a = await net.host('a');
  const place = await a.container('c1');
  const first = await startCapture(a);
  await first.apply(planOf([], [{ place, ports: [80] }]));
  await first.running.kill('SIGKILL');
  const second = await startCapture(a);
  await second.uninstall();
  t.is(await place.run(['/usr/sbin/nft', 'list', 'ruleset']), '');
  t.is(await place.run(['ip', 'route', 'show', 'proto', '105']), '');
});

test('a namespace that cannot be entered holds up no other, and uninstall tells of it; what is none is passed over', async t => {
  await using net = await createNetwork({ prefix: 'closed' });
  const a = await net.host('a');
  const place = await a.container('c1');
  const tables = (): Promise<string> => place.run(['/usr/sbin/nft', 'list', 'tables']);
  const capture = await startCapture(a);
  await capture.run();
  // No network namespace, and so refused.
  const closed = `/proc/${process.pid}/ns/uts`;
  const late = join(a.folder, 'late');
  const { host, namespaces } = planOf([], [{ place, ports: [80] }]);
  const at = (path: string, id: string): NamespaceCapture => ({ ...namespaces[0]!, path, id });
  const problems = await capture.apply({
    host,
    namespaces: [at(closed, namespaceAt(closed)!), at(late, namespaces[0]!.id)],
  });
  t.deepEqual(
    problems.map(({ where }) => where),
    [closed],
  );
  await symlink(place.namespacePath, late);
  await eventually('the other is captured once it is there', tables, found => found.includes('isthmus'));
  await t.throwsAsync(capture.uninstall(), { message: /are left in network namespaces.* \/proc\/\d+\/ns\/uts: / });
  t.is(await tables(), '');
  await writeFile(join(a.stateDir, 'redirect.json'), JSON.stringify([join(a.configDir, '..'), a.stateDir]));
  await (await startCapture(a)).uninstall();
});

test('a namespace with nothing but loopback can call virtual IPs', async t => {
  await using net = await createNetwork({ prefix: 'loonly' });
  const a = await net.host('a');
  const place = await a.container('c1');
  await place.run(['ip', 'link', 'del', 'eth0']);
  await startEcho(place, 'outbound', [15_001], { uid: PROXY });
  const capture = await startCapture(a);
  t.deepEqual(await capture.apply(planOf([], [{ place, ports: [] }])), []);
  for (const address of [VIP4, '[fd69:7374:686d::7]'])
    t.regex(await place.run(['curl', '-sS', '--max-time', '3', `http://${address}/`]), /"instance":"outbound"/);
});
