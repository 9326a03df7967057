import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { stringify } from 'yaml';
import { eventually } from '../eventually.ts';
import { startBanner, startEcho } from '../hosts/apps.ts';
import type { Place } from '../hosts/host.ts';
import { server, UID } from './cast.ts';
import { Mesh, type MeshHost } from './mesh.ts';

const NFT = '/usr/sbin/nft';

/** Calls again and again until the host tells of that place; resolves to what it says of it. */
async function toldWhileCalled(on: MeshHost, url: string, where: string): Promise<string> {
  const { problems } = await eventually(
    `${where} is told of`,
    async () => {
      await call(on.host, url);
      return on.status();
    },
    status => status.problems.some(problem => problem.where === where),
  );
  return problems.find(problem => problem.where === where)!.why;
}

async function call(place: Place, url: string): Promise<void> {
  await place.exec(['curl', '-sS', '--max-time', '3', '-o', '/dev/null', url], { uid: UID.web, input: '' });
}

async function nothingWrong(on: MeshHost): Promise<void> {
  await eventually(
    'all is well',
    () => on.status(),
    ({ problems }) => problems.length === 0,
  );
}

interface Scene extends AsyncDisposable {
  readonly mesh: Mesh;
  /** With `web`, who calls; and without their programs `r1` on it and `boxed` in a container. */
  readonly alpha: MeshHost;
  readonly box: Place;
  /** With `ledger`, which runs. */
  readonly beta: MeshHost;
}

/** The service `gone`, which is listed where nothing listens and no agent is, and one for each workload. */
async function scene(): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const mesh = stack.use(await Mesh.create('unreach'));
  const registry = join(mesh.control.configDir, 'services.yaml');
  const ports = [{ number: 80, name: 'http', protocol: 'http' }];
  const instances = [{ address: mesh.control.address, port: 9999 }];
  await writeFile(registry, stringify({ services: [{ name: 'gone', ports, instances }] }));
  await mesh.startManager({ registries: [{ name: 'services', kind: 'file', path: registry }] });
  const alpha = await mesh.host('alpha', [
    { name: 'web', selector: { user: UID.web } },
    { ...server('r1', UID.first, 9081, 'v1'), services: ['reviews'] },
  ]);
  const box = await alpha.host.container('box');
  await alpha.workload({
    name: 'boxed',
    selector: { networkNamespace: box.namespacePath },
    services: ['boxed'],
    addresses: [box.address],
    ports: [{ port: 9082, protocol: 'http' }],
  });
  const beta = await mesh.host('beta', [
    { name: 'ledger', selector: { user: UID.ledger }, services: ['ledger'], ports: [{ port: 7000, protocol: 'tcp' }] },
  ]);
  await startBanner(beta.host, 'ledger', 7000, { uid: UID.ledger });
  await eventually(
    'all services are there',
    () => mesh.services(),
    ({ length }) => length === 4,
  );
  const owned = stack.move();
  return { mesh, alpha, box, beta, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

test('why a service does not answer is told: a firewall, no TLS, no program, an instance that is gone', async t => {
  t.timeout(180_000);
  await using made = await scene();
  const { mesh, alpha, box, beta } = made;
  await call(alpha.host, 'telnet://ledger:7000');
  const place = `host at ${beta.host.address}:15008`;

  t.regex(
    await toldWhileCalled(alpha, 'http://gone/', `instance at ${mesh.control.address}:9999`),
    /^cannot be reached from this host: connect ECONNREFUSED .*; it has no agent/,
  );
  await startEcho(mesh.control, 'gone', [9999]);
  await nothingWrong(alpha);

  for (const [url, where, starts] of [
    [
      'http://reviews:9081/',
      'port 9081 of workload alpha/default/r1',
      () => startEcho(alpha.host, 'r1', [9081], { uid: UID.first }),
    ],
    ['http://boxed:9082/', 'port 9082 of workload alpha/default/boxed', () => startEcho(box, 'boxed', [9082])],
  ] as const) {
    t.regex(await toldWhileCalled(alpha, url, where), /^no program listens there, and calls to it fail: start it/);
    await starts();
    await nothingWrong(alpha);
  }

  const { host: far } = beta;
  await far.run([NFT, 'add table inet wall; add chain inet wall in { type filter hook input priority 0; }']);
  await far.run([NFT, 'add rule inet wall in iifname eth0 tcp dport 15008 drop']);
  t.regex(
    await toldWhileCalled(alpha, 'telnet://ledger:7000', place),
    /^cannot be reached from this host: no answer within 2 s, as when a firewall drops it; see that it is up, /,
  );
  await eventually(
    'the mesh tells of it too',
    () => mesh.isthmus('status'),
    text => text.includes(`alpha: ${place}: cannot be reached from this host: no answer within 2 s`),
  );
  await far.run([NFT, 'delete table inet wall']);
  await nothingWrong(alpha);

  const { envoy, pid } = await beta.status();
  process.kill(pid, 'SIGKILL');
  process.kill(envoy.pid, 'SIGKILL');
  await startEcho(far, 'squatter', [15_008]);
  t.regex(
    await toldWhileCalled(alpha, 'telnet://ledger:7000', place),
    /^it takes connections, and TLS with it fails: /,
  );
});
