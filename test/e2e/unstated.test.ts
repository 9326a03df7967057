import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { stringify } from 'yaml';
import { eventually } from '../eventually.ts';
import { startEcho } from '../hosts/apps.ts';
import type { Host } from '../hosts/host.ts';
import { onlyWeb, policy, UID } from './cast.ts';
import { Mesh } from './mesh.ts';

const PORT = 9081;
/** As people write it who leave the protocol to the registry. */
const SERVER = { name: 'r', selector: { user: UID.first }, ports: [{ port: PORT }], labels: { app: 'reviews' } };

/** What curl reads from a host, with the status behind it. */
async function read(from: Host, url: string, uid?: number): Promise<string> {
  const words = ['curl', '-s', '--max-time', '5', '-w', ' %{http_code}', url];
  return (await from.exec(words, uid === undefined ? {} : { uid })).stdout;
}

test('where a workload does not say that it speaks HTTP, and its service does, who is refused reads why: near, far, outside the mesh', async t => {
  t.timeout(180_000);
  await using mesh = await Mesh.create('unstated');
  const registry = join(mesh.control.configDir, 'services.yaml');
  const list = (services: readonly unknown[]): Promise<void> => writeFile(registry, stringify({ services }));
  await list([]);
  await mesh.startManager({ registries: [{ name: 'services', kind: 'file', path: registry }] });
  const callers = ['web', 'other'].map(name => ({ name, selector: { user: UID[name as 'web' | 'other'] } }));
  const alpha = await mesh.host('alpha', [...callers, SERVER]);
  const beta = await mesh.host('beta', [SERVER]);
  const ports = [{ number: 9080, name: 'http', protocol: 'http' }];
  for (const { host } of [alpha, beta]) await startEcho(host, 'r', [PORT], { uid: UID.first });
  await mesh.apply(onlyWeb('reviews'));
  const places = Object.entries({ near: alpha, far: beta });
  await list(
    places.map(([name, { host }]) => ({ name, ports, instances: [{ id: 'r', address: host.address, port: PORT }] })),
  );
  for (const [name] of places) {
    const ask = (uid: number) => () => read(alpha.host, `http://${name}:9080/`, uid);
    await eventually(`web to be served ${name}`, ask(UID.web), text => text.endsWith(' 200'));
    const refused = await eventually(`other to read why, ${name}`, ask(UID.other), text => text.endsWith(' 403'));
    t.regex(
      refused,
      /^isthmus: spiffe:\/\/isthmus.mesh\/ns\/default\/sa\/other is refused by the AuthorizationPolicies/,
    );
  }
  for (const [name, { host }] of places) {
    const outside = await read(mesh.control, `http://${host.address}:${PORT}/`);
    t.regex(outside, /^isthmus: plaintext refused: the AuthorizationPolicies.* 403$/s, name);
  }
  await mesh.isthmus('delete', 'authorizationpolicy', 'only-web-reviews');
  await mesh.apply({
    ...policy('strict', { mtls: { mode: 'STRICT' } }),
    kind: 'PeerAuthentication',
  });
  for (const [name, { host }] of places)
    await eventually(
      `STRICT to be told outside of ${name}`,
      () => read(mesh.control, `http://${host.address}:${PORT}/`),
      text => /^isthmus: plaintext refused: PeerAuthentication default\/strict is STRICT\s+403$/.test(text),
    );
  t.notRegex(await mesh.isthmus('status'), new RegExp(`port ${PORT} speaks`));
});
