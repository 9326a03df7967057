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

test('workloads that are given other service accounts, or users too, while agent and Manager are away stay in the mesh as they were', async t => {
  t.timeout(180_000);
  await using mesh = await Mesh.create('accounts');
  await mesh.startManager({ registries: [] });
  const web = { name: 'web', selector: { user: UID.web } };
  const store = { ...server('store', UID.first, 9081, 'v1'), labels: { app: 'store' }, serviceAccount: 'store' };
  const depot = { ...store, name: 'depot', selector: { user: UID.second }, ports: [{ port: 9082, protocol: 'http' }] };
  const alpha = await mesh.host('alpha', [web, store, depot]);
  const reviews = { ...server('reviews', UID.first, 9080, 'v1'), services: ['reviews'] };
  const beta = await mesh.host('beta', [reviews]);
  const { host } = alpha;
  await startEcho(host, 'store', [9081], { uid: UID.first });
  await startEcho(host, 'depot', [9082], { uid: UID.second });
  await startEcho(beta.host, 'reviews', [9080], { uid: UID.first });
  await mesh.apply(onlyWeb('store'), onlyWeb('reviews'));
  const call = (url: string, uid: number): Promise<string> =>
    host.exec(['curl', '-sS', '-w', '%{http_code}', '--max-time', '5', url], { uid }).then(({ stdout }) => stdout);
  const serves = (text: string): boolean => text.endsWith('200');
  const places = [9081, 9082].map(port => `http://127.0.0.1:${port}/`);
  for (const url of places)
    await eventually(
      'strangers are refused',
      () => call(url, UID.plain),
      text => text.endsWith('403'),
    );
  await eventually('web is served', () => call(REVIEWS, UID.web), serves);
  await eventually(
    'other hosts refuse a stranger',
    () => call(`http://${beta.host.address}:9080/`, UID.plain),
    text => text.endsWith('403'),
  );

  await Promise.all([alpha.agent().kill('SIGTERM'), mesh.manager.kill()]);
  await alpha.workload({ ...web, serviceAccount: 'next' });
  await alpha.workload({ ...store, serviceAccount: 'next' });
  await alpha.workload({ ...depot, serviceAccount: 'next', selector: { user: UID.third } });
  const strangers = places.map(url => startLoad(host, { url, keepAlive: false, rate: 50 }, { uid: UID.plain }));
  await alpha.startAgent();
  const told = await eventually(
    'it is told that there are no certificates',
    async () => (await alpha.status()).rejections.map(({ resource, reason }) => `${resource}: ${reason}`),
    found => found.filter(text => text.includes('"next" yet')).length === 3,
  );
  const [, ofDepot] = [...told.join('\n').matchAll(/depot: (keeps.*) as there/g)][0]!;
  t.is(ofDepot, `keeps the service account "store" and the user ${UID.second},`);
  t.true(serves(await call(REVIEWS, UID.web)), 'its calls bear the identity of before');
  for (const load of strangers) t.deepEqual((await load.stop()).byInstance, {}, 'strangers were refused all the time');

  await mesh.startManager();
  const identities = async (): Promise<readonly string[]> =>
    (await alpha.status()).workloads.map(({ identity, state }) => `${identity} ${state}`);
  await eventually('all are what they are to be', identities, found =>
    found.every(text => text.endsWith('/sa/next joined')),
  );
  t.regex(await call(REVIEWS, UID.web), /403$/);
  for (const url of places) t.regex(await call(url, UID.plain), /403$/);
});
