import test from 'ava';
import { eventually } from '../eventually.ts';
import { startEcho, startLoad } from '../hosts/apps.ts';
import { onlyWeb, REVIEWS, server, UID } from './cast.ts';
import { Mesh, type WorkloadFile } from './mesh.ts';

test('a workload that is given another service account stays in the mesh: it calls on, and is called as its policy says', async t => {
  t.timeout(120_000);
  await using mesh = await Mesh.create('account');
  await mesh.startManager({ registries: [] });
  const reviews = { ...server('reviews', UID.first, 9080, 'v1'), services: ['reviews'] };
  const web = { name: 'web', selector: { user: UID.web } };
  const alpha = await mesh.host('alpha', [web, reviews], ['default/web', 'default/reviews', 'default/next']);
  const { host } = alpha;
  await startEcho(host, 'reviews', [9080], { uid: UID.first });
  const call = (url: string, uid: number): Promise<string> =>
    host.exec(['curl', '-sS', '--max-time', '5', url], { uid }).then(({ stdout, stderr }) => stdout + stderr);
  const answers = (text: string): boolean => text.includes('"instance":"reviews"');
  await eventually('the service answers', () => call(REVIEWS, UID.web), answers);
  const load = startLoad(host, { url: REVIEWS, keepAlive: false, rate: 50 }, { uid: UID.web });
  await load.until(({ requests }) => requests > 10);
  const identity = async (name: string): Promise<string | undefined> =>
    (await alpha.status()).workloads.find(({ uid }) => uid.endsWith(`/${name}`))?.identity;
  const become = async (file: WorkloadFile, serviceAccount: string): Promise<void> => {
    await alpha.workload({ ...file, serviceAccount });
    const isSo = (found: string | undefined): boolean => found?.endsWith(`/sa/${serviceAccount}`) === true;
    await eventually(`${file.name} is ${serviceAccount}`, () => identity(file.name), isSo);
  };
  for (const account of ['next', 'web', 'next', 'web']) await become(web, account);
  await become(reviews, 'next');
  t.deepEqual((await load.stop()).failures, {});

  await mesh.apply(onlyWeb('reviews'));
  const stranger = (): Promise<string> => call('http://127.0.0.1:9080/', UID.plain);
  await eventually('the policy is in force', stranger, text => !answers(text));

  await mesh.manager.kill();
  await alpha.workload({ ...reviews, serviceAccount: 'reviews' });
  const told = await eventually(
    'it is told that there is no certificate',
    async () => (await alpha.status()).rejections.map(({ resource, reason }) => `${resource}: ${reason}`),
    found => found.some(text => text.includes('"reviews" yet')),
  );
  t.regex(
    told.join(),
    /^workload alpha\/default\/reviews: keeps the service account "next", as there is no certificate/,
  );
  t.false(answers(await stranger()), 'strangers are still refused');
  t.true(answers(await call(REVIEWS, UID.web)));
});
