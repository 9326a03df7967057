import test from 'ava';
import { startZooKeeper } from '../real/zookeeper.ts';
import { watch } from './watch.ts';

test('a service that two paths give is taken from the other when the one goes', async t => {
  await using zookeeper = await startZooKeeper();
  const member = (host: string): string =>
    JSON.stringify({ serviceEndpoint: { host, port: 80 }, additionalEndpoints: {}, status: 'ALIVE' });
  await zookeeper.put('/old/reviews/member_1', member('10.0.0.1'));
  await zookeeper.put('/new/other/member_1', member('10.0.0.9'));
  const entry = { kind: 'zookeeper', servers: zookeeper.address, paths: ['/old/*', '/new/*', '/third/*'] };
  await using watched = watch({ entry });
  await watched.until('the first list', status => status.synced);
  const problems = (): string[] => watched.followed.status().problems.map(({ where, why }) => `${where}: ${why}`);

  await zookeeper.put('/new/reviews/member_1', member('10.0.0.2'));
  await watched.until('the problem', () => problems().some(text => text.startsWith('/new/reviews: /old/reviews is')));
  await zookeeper.put('/third/reviews/member_1', member('10.0.0.3'));
  await watched.until('the next', () => problems().some(text => text.startsWith('/third/reviews: /old/reviews is')));
  t.deepEqual(watched.of('reviews'), ['10.0.0.1:80']);

  await zookeeper.remove('/old/reviews/member_1');
  await zookeeper.remove('/old/reviews');
  await watched.until('the other one', () => watched.of('reviews')?.[0] === '10.0.0.2:80');
  await watched.until('its problem', () => problems().length === 1 && problems()[0]!.includes('/new/reviews is'));
  await zookeeper.remove('/third/reviews/member_1');
  await zookeeper.remove('/third/reviews');
  await watched.until('the end of problems', status => status.problems.length === 0);
  await zookeeper.remove('/new/reviews/member_1');
  await zookeeper.remove('/new/reviews');
  await watched.until('the end', () => watched.of('reviews') === undefined);
});
