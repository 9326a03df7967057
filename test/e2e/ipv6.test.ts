import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import anyTest, { type TestFn } from 'ava';
import { stringify } from 'yaml';
import { eventually } from '../eventually.ts';
import { startEcho } from '../hosts/apps.ts';
import type { Place } from '../hosts/host.ts';
import { UID } from './cast.ts';
import { Mesh } from './mesh.ts';

interface Context {
  readonly mesh: Mesh;
  /** Callers: a user of a host, and a container. */
  readonly callers: readonly Place[];
  readonly outside: Place;
}

const test = anyTest as TestFn<Context>;

test.before(async t => {
  t.timeout(240_000);
  const mesh = await Mesh.create('six', { ipv6Only: true });
  t.context = { mesh } as Context;
  const { network, control } = mesh;
  const [first, second] = [await network.host('alpha'), await network.host('beta')];
  const [box, vault] = [await first.container('box'), await second.container('vault')];
  const services = join(control.configDir, 'services.d');
  await mkdir(services);
  const port = { name: 'http', number: 9080, protocol: 'http' };
  const instances = [
    { id: 'inside', address: vault.address, port: 8080 },
    { id: 'outside', address: second.address, port: 9081 },
  ];
  await writeFile(
    join(services, 'reviews.yaml'),
    stringify({ services: [{ name: 'reviews', ports: [port], instances }] }),
  );
  await mesh.startManager({ registries: [{ kind: 'file', path: services }] });
  for (const place of [first, box]) await place.setResolvers([control.address]);
  const alpha = await mesh.joinHost(first, [
    { name: 'box', selector: { networkNamespace: box.namespacePath } },
    { name: 'web', selector: { user: UID.web } },
  ]);
  const http = { name: 'http', protocol: 'http' };
  const inside = { networkNamespace: vault.namespacePath };
  const beta = await mesh.joinHost(second, [
    { name: 'inside', selector: inside, ports: [{ ...http, port: 8080 }] },
    { name: 'outside', selector: { user: UID.first }, ports: [{ ...http, port: 9081 }] },
  ]);
  await startEcho(vault, 'inside', ['::1:8080'], { uid: UID.first });
  await startEcho(second, 'outside', [9081], { uid: UID.first });
  for (const host of [alpha, beta])
    await eventually(
      `the workloads of ${host.host.name}`,
      () => host.status(),
      ({ workloads }) => workloads.length === 2 && workloads.every(({ state }) => state === 'joined'),
    );
  await eventually(
    'both instances',
    () => mesh.services(),
    ([reviews]) => reviews?.instances.filter(({ reach }) => reach.kind === 'mesh').length === 2,
  );
  t.context = { mesh, callers: [first, box], outside: second };
});

test.after.always(async t => {
  await t.context.mesh?.[Symbol.asyncDispose]();
});

test.serial('hosts and containers without IPv4 call each other, by virtual IPs of either kind', async t => {
  for (const caller of t.context.callers) {
    for (const family of ['-6', '-4']) {
      const call = async (): Promise<string> => {
        const answer = await caller.run(['curl', family, '-sS', '--max-time', '5', 'http://reviews:9080/'], {
          uid: UID.web,
        });
        return (JSON.parse(answer) as { instance: string }).instance;
      };
      await eventually(`${caller.name} ${family}`, call, instance => instance !== '');
      const answers = new Set<string>();
      for (let calls = 0; calls < 20; calls += 1) answers.add(await call());
      t.deepEqual([...answers].sort(), ['inside', 'outside'], `${caller.name} ${family}`);
    }
  }
});

test.serial('callers outside the mesh are captured by IPv6 too', async t => {
  const { mesh, outside } = t.context;
  const ask = (): Promise<string> =>
    mesh.control.run(['curl', '-sS', '--max-time', '5', `http://[${outside.address}]:9081/`]);
  t.regex(await ask(), /"instance":"outside"/);
  const strict = {
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name: 'default', namespace: 'default' },
    spec: { mtls: { mode: 'STRICT' } },
  };
  await mesh.apply(strict);
  await eventually('plaintext is refused', ask, answer => /plaintext refused/.test(answer));
  t.pass();
});
