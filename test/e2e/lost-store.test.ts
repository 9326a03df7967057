import { rm } from 'node:fs/promises';
import test from 'ava';
import { eventually } from '../eventually.ts';
import { runLoad, startEcho } from '../hosts/apps.ts';
import { REVIEWS, server, UID } from './cast.ts';
import { Mesh, type MeshHost } from './mesh.ts';

test('hosts that join anew, as the Manager lost its store and CA, call each other with certificates of the new one', async t => {
  t.timeout(180_000);
  await using mesh = await Mesh.create('store');
  await mesh.startManager({ registries: [] });
  const web = { name: 'web', selector: { user: UID.web } };
  const reviews = { ...server('reviews', UID.first, 9080, 'v1'), services: ['reviews'] };
  const files = { alpha: [web], beta: [reviews] };
  const [alpha, beta] = [await mesh.host('alpha', files.alpha), await mesh.host('beta', files.beta)];
  await startEcho(beta.host, 'reviews', [9080], { uid: UID.first });
  const called = (): Promise<number> =>
    runLoad(alpha.host, { url: REVIEWS, requests: 10, keepAlive: false }, { uid: UID.web }).then(
      ({ failed }) => failed,
    );
  const none = (failed: number): boolean => failed === 0;
  await eventually('calls are answered', called, none);

  await mesh.manager.kill();
  await rm(mesh.control.stateDir, { recursive: true });
  await mesh.startManager();
  const again: MeshHost[] = [];
  for (const { host, agent } of [alpha, beta]) {
    await agent().kill('SIGTERM');
    again.push(await mesh.joinHost(host, files[host.name as 'alpha' | 'beta']));
  }
  const connected = async (): Promise<readonly boolean[]> =>
    Promise.all(again.map(async one => (await one.status()).manager.connected));
  await eventually('both agents are connected', connected, all => all.every(Boolean));
  // No tunnel from before stands any more.
  process.kill((await alpha.status()).envoy.pid, 'SIGKILL');
  await eventually('calls are answered again', called, none);
  t.pass();
});
