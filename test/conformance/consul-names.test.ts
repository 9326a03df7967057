import test from 'ava';
import { startConsul } from '../real/consul.ts';
import { watch } from './watch.ts';

test('services whose names Consul takes and cannot be asked for are named and left out, and the others go on', async t => {
  await using consul = await startConsul();
  const register = (name: string, id: string): Promise<unknown> =>
    consul.request('PUT', '/v1/agent/service/register', { ID: id, Name: name, Address: '10.0.0.1', Port: 80 });
  const bad = ['.', '..', 'a\nb', 'a\u{200b}b'];
  for (const [index, name] of bad.entries()) await register(name, `bad-${index}`);
  await register('a/b c?d', 'odd');
  await register('reviews', 'good');
  await using watched = watch({ entry: { kind: 'consul', address: consul.address } });
  await watched.until('the first list', status => status.synced);
  t.deepEqual(watched.of('reviews'), ['10.0.0.1:80']);
  await register('ratings', 'later');
  await watched.until('one that comes later', () => watched.of('ratings') !== undefined);
  const where = watched.followed.status().problems.map(problem => problem.where);
  t.deepEqual(where.sort(), ['a/b c?d', ...bad.map(name => `service ${JSON.stringify(name)}`)].sort());
  for (const index of bad.keys()) await consul.request('PUT', `/v1/agent/service/deregister/bad-${index}`);
  await watched.until('the end of the problems', status => status.problems.length === 1);
});
