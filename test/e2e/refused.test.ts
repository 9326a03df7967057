import test from 'ava';
import { eventually } from '../eventually.ts';
import { startEcho, startLoad } from '../hosts/apps.ts';
import { onlyWeb, REVIEWS, server, UID } from './cast.ts';
import { Mesh, type MeshHost } from './mesh.ts';

test('a workload that the Manager refuses from now on stays called as it was, and closed to whom its policy refuses', async t => {
  t.timeout(180_000);
  await using mesh = await Mesh.create('refused');
  await mesh.startManager({ registries: [] });
  const reviews = { ...server('reviews', UID.first, 9080, 'v1'), services: ['reviews'] };
  const files = [{ name: 'web', selector: { user: UID.web } }, reviews];
  const alpha = await mesh.host('alpha', files);
  const { host } = alpha;
  await startEcho(host, 'reviews', [9080], { uid: UID.first });
  await mesh.apply(onlyWeb('reviews'));
  const call = (url: string, uid: number): Promise<string> =>
    host.exec(['curl', '-sS', '-w', '%{http_code}', '--max-time', '5', url], { uid }).then(({ stdout }) => stdout);
  const stranger = (): Promise<string> => call('http://127.0.0.1:9080/', UID.plain);
  await eventually('the policy is in force', stranger, text => text.endsWith('403'));
  await eventually(
    'web is served',
    () => call(REVIEWS, UID.web),
    text => text.endsWith('200'),
  );
  const told = (on: MeshHost, reason: RegExp): Promise<unknown> =>
    eventually(
      `that the Manager refuses it is told: ${reason}`,
      () => on.status(),
      ({ rejections }) =>
        rejections.some(
          ({ resource, reason: why }) => resource === 'workload alpha/default/reviews' && reason.test(why),
        ),
    );
  const [friend, foe] = [UID.web, UID.plain].map(uid =>
    startLoad(host, { url: uid === UID.web ? REVIEWS : 'http://127.0.0.1:9080/', keepAlive: false, rate: 50 }, { uid }),
  );

  await alpha.workload({ ...reviews, services: ['reviews', 'reviews.other'] });
  await told(alpha, /^the Manager refuses it: .* services in namespace "other"; what it was before stays$/);
  const { requests } = await friend!.until(report => report.requests > 0);
  await friend!.until(report => report.requests > requests + 50);
  t.deepEqual((await friend!.stop()).failures, {});

  await alpha.agent().kill('SIGTERM');
  const again = await mesh.joinHost(host, files, ['default/web']);
  await told(again, /^the Manager refuses it: .* its join token allowed default\/web$/);
  t.regex(await stranger(), /403$/);
  t.deepEqual((await foe!.stop()).byInstance, {});
});
