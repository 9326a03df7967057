import test from 'ava';
import { eventually } from '../eventually.ts';
import { startEcho } from '../hosts/apps.ts';
import { onlyWeb, REVIEWS, server, UID } from './cast.ts';
import { Mesh } from './mesh.ts';

/** A user that is no workload. */
const THIEF = 2099;

test('nobody gets the calls of a workload by listening where it does not, and the status names who alone does', async t => {
  t.timeout(240_000);
  await using mesh = await Mesh.create('thief');
  await mesh.startManager({ registries: [] });
  const reviews = { ...server('reviews', UID.first, 9080, 'v1'), services: ['reviews'] };
  const alpha = await mesh.host('alpha', [{ name: 'web', selector: { user: UID.web } }, reviews]);
  const { host } = alpha;
  const call = (): Promise<string> =>
    host
      .exec(['curl', '-sS', '--max-time', '5', REVIEWS], { uid: UID.web })
      .then(({ stdout }) => /"instance":"(\w+)"/.exec(stdout)?.[1] ?? 'nobody');
  const honest = await startEcho(host, 'honest', ['127.0.0.1:9080'], { uid: UID.first });
  await eventually('the service answers', call, answer => answer === 'honest');
  await startEcho(host, 'thief', [`${host.address}:9080`], { uid: THIEF });
  const calls = (): Promise<readonly string[]> => Promise.all(Array.from({ length: 10 }, call));
  t.deepEqual([...new Set(await calls())], ['honest'], 'dialled at once');
  const judged = (): Promise<string | undefined> =>
    alpha.status().then(({ workloads }) => workloads.find(({ uid }) => uid.endsWith('/reviews'))?.policyRevision);
  const before = await judged();
  await mesh.apply(onlyWeb('reviews'));
  await eventually('the policy is in force', judged, revision => revision !== before);
  t.deepEqual([...new Set(await calls())], ['honest'], 'judged first');
  await honest.kill();
  t.deepEqual([...new Set(await calls())], ['nobody']);
  const told = await eventually(
    'the status tells of it',
    async () => (await alpha.status()).problems.map(({ where, why }) => `${where}: ${why}`),
    problems => problems.length > 0,
  );
  t.regex(
    told.join(),
    /^workload alpha\/default\/reviews: user 2099 listens at its port 9080, which is for its own user 2003 or root/,
  );
});
