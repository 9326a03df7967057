import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { eventually } from '../eventually.ts';
import { startEcho } from '../hosts/apps.ts';
import type { Place } from '../hosts/host.ts';
import { REVIEWS, server, UID } from './cast.ts';
import { Mesh, type MeshHost } from './mesh.ts';

/** The service `reviews` with one instance, on a host that also has its caller, `web`. */
export interface OneHost extends AsyncDisposable {
  readonly mesh: Mesh;
  readonly alpha: MeshHost;
  /** Has the service listed at the one place alone: the port of `r1`, 9081, or of `r2`, 9082. */
  readonly list: (port: 9081 | 9082) => Promise<void>;
}

/** Resolves when `r1`, which is listed, answers `web`. @param prefix names the test. */
export async function oneHost(prefix: string): Promise<OneHost> {
  await using stack = new AsyncDisposableStack();
  const mesh = stack.use(await Mesh.create(prefix));
  const registry = join(mesh.control.configDir, 'services.yaml');
  await writeFile(registry, stringify({ services: [] }));
  await mesh.startManager({ registries: [{ name: 'services', kind: 'file', path: registry }] });
  const alpha = await mesh.host('alpha', [
    { name: 'web', selector: { user: UID.web } },
    server('r1', UID.first, 9081, 'v1'),
    server('r2', UID.second, 9082, 'v2'),
  ]);
  const { host } = alpha;
  await startEcho(host, 'r1', [9081], { uid: UID.first });
  await startEcho(host, 'r2', [9082], { uid: UID.second });
  const list: OneHost['list'] = async port => {
    const ports = [{ number: 9080, name: 'http', protocol: 'http' }];
    const instances = [{ id: 'r', address: host.address, port }];
    await writeFile(registry, stringify({ services: [{ name: 'reviews', ports, instances }] }));
  };
  await list(9081);
  await answers(host, 'r1');
  const owned = stack.move();
  return { mesh, alpha, list, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Resolves when a call by `web`'s user, on its host or in a container, is answered by that instance. */
export async function answers(place: Place, instance: 'r1' | 'r2'): Promise<void> {
  await eventually(
    `${instance} answers`,
    () => place.exec(['curl', '-sS', '--fail', '--max-time', '3', REVIEWS], { uid: UID.web }),
    ({ stdout }) => stdout.includes(instance),
    { timeoutMs: 60_000 },
  );
}
