import test from 'ava';
import { port, service } from './fixtures.ts';
import type { Problem } from './input.ts';
import { Memo } from './memo.ts';
import { withOwnAddresses } from './own-addresses.ts';

function run(memo: Memo, services: readonly ReturnType<typeof service>[]) {
  const problems: Problem[] = [];
  memo.begin();
  const own = withOwnAddresses(new Map(services.map(input => [input.view.service.hostname, input])), memo, problems);
  memo.end();
  return { own, problems };
}

test('of two services with one address the first by name keeps it, whatever came first', t => {
  const services = [service('b', 1, [port(80)]), service('a', 1, [port(80)]), service('c', 2, [port(80)])];
  const memo = new Memo();
  const { own, problems } = run(memo, services);
  t.deepEqual([...own.keys()], ['a.default.mesh', 'b.default.mesh', 'c.default.mesh']);
  t.is(own.get('a.default.mesh'), services[1]);
  t.is(own.get('c.default.mesh'), services[2]);
  const [b] = services;
  t.true(b!.view.service.virtualIps.length > 0);
  t.deepEqual(own.get('b.default.mesh'), {
    ...b!,
    view: { ...b!.view, service: { ...b!.view.service, virtualIps: [] } },
  });
  t.deepEqual([...new Set(problems.map(({ origin }) => origin))], ['service b.default.mesh']);
  t.regex(problems[0]!.message, /is that of service a\.default\.mesh too/);
  t.is(run(memo, services).own.get('b.default.mesh')!.view, own.get('b.default.mesh')!.view, 'the same object again');
});
