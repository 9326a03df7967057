import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { eventually } from '../eventually.ts';
import { startEcho } from '../hosts/apps.ts';
import { UID } from './cast.ts';
import { type AgentStatusJson, Mesh, type MeshHost } from './mesh.ts';
import { answers, oneHost } from './one-host.ts';

/** Resolves when the agent captures whom it has. */
function captured(host: MeshHost, what = 'web is captured'): Promise<AgentStatusJson> {
  return eventually(
    what,
    () => host.status(),
    ({ redirect }) => redirect.active,
  );
}

test('a workload that comes back while a program listens on its port gets another, and the program is reached', async t => {
  t.timeout(120_000);
  await using on = await oneHost('taken');
  const { alpha } = on;
  const { host } = alpha;
  const portOfWeb = async (): Promise<number | undefined> =>
    (await alpha.status()).workloads.find(({ uid }) => uid.endsWith('/web'))?.outboundPort;
  const before = (await portOfWeb())!;

  await alpha.removeWorkload('web');
  await eventually('web is out of the mesh', portOfWeb, port => port === undefined);
  await eventually(
    'its listener is gone',
    () => host.exec(['ss', '-Hltn', `sport = :${before}`]),
    ({ stdout }) => stdout === '',
  );
  await startEcho(host, 'collector', [before], { uid: UID.plain });
  await alpha.workload({ name: 'web', selector: { user: UID.web } });
  await answers(host, 'r1');
  t.not(await portOfWeb(), before);
  t.deepEqual((await alpha.status()).rejections, []);
  t.regex(await host.run(['curl', '-sS', '--max-time', '3', `http://127.0.0.1:${before}/`]), /collector/);
});

test('a workload whose port is taken while it waits for the Manager gets another', async t => {
  t.timeout(120_000);
  await using mesh = await Mesh.create('waits');
  await mesh.startManager();
  const alpha = await mesh.host('alpha');
  const { host } = alpha;
  await mesh.manager.kill();
  await alpha.workload({ name: 'web', selector: { user: UID.web } });
  const web = async () => (await alpha.status()).workloads[0];
  const { outboundPort } = (await eventually('web waits', web, found => found !== undefined))!;
  await startEcho(host, 'collector', [outboundPort], { uid: UID.second });
  await mesh.startManager();
  await captured(alpha);
  t.not((await web())!.outboundPort, outboundPort);
  t.deepEqual((await alpha.status()).rejections, []);
});

test('a workload whose port is taken while Envoy is away gets another', async t => {
  t.timeout(120_000);
  await using mesh = await Mesh.create('away');
  await mesh.startManager();
  const alpha = await mesh.host('alpha', [{ name: 'web', selector: { user: UID.web } }]);
  const { host } = alpha;
  const { envoy, workloads } = await captured(alpha);
  const { outboundPort } = workloads[0]!;
  alpha.agent().child.kill('SIGSTOP');
  process.kill(envoy.pid, 'SIGKILL');
  await eventually(
    'its listener is gone',
    () => host.exec(['ss', '-Hltn', `sport = :${outboundPort}`]),
    ({ stdout }) => stdout === '',
  );
  await startEcho(host, 'collector', [outboundPort], { uid: UID.second });
  alpha.agent().child.kill('SIGCONT');
  const { workloads: moved } = await eventually(
    'web gets another port, and its listener stands',
    () => alpha.status(),
    ({ workloads: [found], rejections, envoy: { connected } }) =>
      connected && rejections.length === 0 && found !== undefined && found.outboundPort !== outboundPort,
  );
  const led = await eventually(
    'its calls are led there',
    () => host.run(['/usr/sbin/nft', 'list', 'map', 'inet', 'isthmus', 'listeners']),
    map => map.includes(`to_${moved[0]!.outboundPort}`),
  );
  t.false(led.includes(`to_${outboundPort}`));
  const remembered = await eventually(
    'the next agent would know it',
    () => readFile(join(host.stateDir, 'agent', 'outbound-ports.json'), 'utf8'),
    text => text.includes(`${moved[0]!.outboundPort}`),
  );
  t.false(remembered.includes(`${outboundPort}`));
});

/** Takes all ports that listeners may have and that are free. */
const TAKE_ALL = `
  const { createServer } = require('node:net');
  let open = 5000;
  const over = () => --open || console.log('took them');
  for (let port = 20000; port < 25000; port += 1) createServer().once('error', over).listen(port, '127.0.0.1', over);
`;

test('a workload that no port is left for keeps none of those from the mesh that an agent finds there', async t => {
  t.timeout(120_000);
  await using mesh = await Mesh.create('full');
  await mesh.startManager();
  const alpha = await mesh.host('alpha', [{ name: 'web', selector: { user: UID.web } }]);
  const { host } = alpha;
  await captured(alpha);
  const led = (): Promise<string> => host.run(['/usr/sbin/nft', 'list', 'map', 'inet', 'isthmus', 'outbound']);
  const before = await led();
  await alpha.agent().kill('SIGKILL');
  const taker = host.spawn([process.execPath, '-e', TAKE_ALL], { uid: UID.second });
  await taker.line(/took them/);
  await alpha.workload({ name: 'late', selector: { user: UID.other } });
  await alpha.startAgent();
  const { rejections } = await captured(alpha, 'web is captured by this agent');
  t.deepEqual(
    rejections.map(({ origins }) => origins),
    [['workload alpha/default/late']],
  );
  t.regex(rejections[0]!.reason, /no port of 20000-24999 is free/);
  await t.notThrowsAsync(alpha.agent().line(/left out.*alpha\/default\/late.*no port of 20000-24999 is free/, 5_000));
  t.is(await led(), before);
  await taker.kill();
  await eventually('late is captured too', led, map => map.includes(`${UID.other} : `));
});

test('an agent that cannot begin, as its port for names is taken, leaves the host as it was', async t => {
  t.timeout(120_000);
  await using mesh = await Mesh.create('begins');
  await mesh.startManager();
  const alpha = await mesh.host('alpha', [{ name: 'web', selector: { user: UID.web } }]);
  const { host } = alpha;
  const { envoy } = await captured(alpha);
  await alpha.agent().kill('SIGTERM');
  process.kill(envoy.pid, 'SIGKILL');
  await host.run(['/usr/sbin/nft', 'delete', 'table', 'inet', 'isthmus']);
  await startEcho(host, 'taker', ['127.0.0.1:15053']);
  await alpha.startAgent();
  const { code, stderr } = await alpha.agent().exited;
  t.is(code, 1);
  t.regex(stderr, /cannot answer DNS at 127\.0\.0\.1:15053/);
  t.is(await host.run(['/usr/sbin/nft', 'list', 'tables']), '');
  t.notRegex(stderr, /capturing/);
});
