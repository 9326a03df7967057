import test from 'ava';
import { startZooKeeper } from '../real/zookeeper.ts';
import { watch } from './watch.ts';

test('vectors weigh the members of a server set, and what of a member cannot be used is named beside it', async t => {
  await using zookeeper = await startZooKeeper();
  const member = (host: string, shard: number, additionalEndpoints: object = {}): string =>
    JSON.stringify({ serviceEndpoint: { host, port: 80 }, additionalEndpoints, status: 'ALIVE', shard });
  const vector = (weight: number): string => JSON.stringify({ vector: [{ select: 'shard=1', weight }] });
  await zookeeper.put('/sets/reviews/member_1', member('10.0.0.1', 1));
  await zookeeper.put('/sets/reviews/member_2', member('10.0.0.2', 2, { admin: { host: '10.0.0.2', port: 0 } }));
  await zookeeper.put('/sets/reviews/vector_1', vector(3));
  await using watched = watch({ entry: { kind: 'zookeeper', servers: zookeeper.address, paths: ['/sets/*'] } });
  const weights = (): string =>
    [...watched.followed.state().values()]
      .flatMap(({ instances }) => instances.map(({ address, weight }) => `${address} ${weight}`))
      .sort()
      .join();
  await watched.until('the first list', status => status.synced);
  t.is(weights(), '10.0.0.1 3,10.0.0.2 1');
  const { problems } = watched.followed.status();
  t.deepEqual(
    problems.map(({ where }) => where),
    ['/sets/reviews/member_2'],
  );
  t.regex(problems[0]!.why, /additionalEndpoints\.admin\.port: must be a whole number/);

  await zookeeper.put('/sets/reviews/vector_1', vector(0.5));
  await watched.until('the new weight', () => weights() === '10.0.0.1 0.5,10.0.0.2 1');
  await zookeeper.put('/sets/reviews/vector_1', '{"vector": 1}');
  await watched.until('the broken vector', status => status.problems.length === 2);
  t.is(weights(), '10.0.0.1 0.5,10.0.0.2 1', 'a broken vector leaves the weights as they were');
  await zookeeper.put('/sets/reviews/member_2', member('10.0.0.2', 1));
  await zookeeper.remove('/sets/reviews/vector_1');
  await watched.until('the end of problems', status => status.problems.length === 0);
});
