import test from 'ava';
import { eventually } from '../eventually.ts';
import { startEcho } from '../hosts/apps.ts';
import { onlyWeb, REVIEWS, server, UID } from './cast.ts';
import { Mesh } from './mesh.ts';

test('a container that stops and comes back while the Manager is away is in the mesh again, as its policy says', async t => {
  t.timeout(120_000);
  await using mesh = await Mesh.create('between');
  await mesh.startManager({ registries: [] });
  const host = await mesh.network.host('alpha');
  const box = await host.container('box');
  const { selector: _, ...reviews } = server('reviews', UID.first, 9080, 'v1');
  const alpha = await mesh.joinHost(host, [
    { name: 'web', selector: { user: UID.web } },
    { ...reviews, services: ['reviews'], selector: { networkNamespace: box.namespace } },
  ]);
  await startEcho(box, 'reviews', [9080]);
  await mesh.apply(onlyWeb('reviews'));
  const call = (url: string, uid: number): Promise<string> =>
    host.exec(['curl', '-sS', '-w', '%{http_code}', '--max-time', '5', url], { uid }).then(({ stdout }) => stdout);
  const stranger = (): Promise<string> => call(`http://${box.address}:9080/`, UID.plain);
  const friend = (): Promise<string> => call(REVIEWS, UID.web);
  await eventually('strangers are refused', stranger, text => text.endsWith('403'));
  await eventually('web is served', friend, text => text.endsWith('200'));
  const inMesh = (count: number): Promise<unknown> =>
    eventually(
      `${count} in the mesh`,
      () => alpha.status(),
      ({ workloads }) => workloads.length === count && workloads.every(({ state }) => state === 'joined'),
    );

  await box.stop();
  await inMesh(1);
  // It has said by then that it has no policy for who is not there.
  await eventually(
    'the Manager knows',
    () => mesh.services(),
    services => services.every(({ instances }) => instances.length === 0),
  );
  await mesh.manager.kill();
  for (const restarts of [false, true]) {
    if (restarts) {
      await box.stop();
      await inMesh(1);
      await alpha.agent().kill('SIGTERM');
      await alpha.startAgent();
      await inMesh(1);
    }
    await box.start();
    await startEcho(box, 'reviews', [9080]);
    await inMesh(2);
    t.regex(await stranger(), /403$/);
  }
  await mesh.startManager();
  await eventually('web is served again', friend, text => text.endsWith('200'));
});
