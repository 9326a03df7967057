import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { eventually } from '../test/eventually.ts';
import { podOf, userOf, world } from './converge-fixture.ts';

const WEB = userOf('web', 2001);
const SHOP = userOf('shop', 2002);
const IDENTITY = 'spiffe://isthmus.mesh/ns/default/sa/web';

test('who comes is captured once Envoy listens for it, and who goes is let go of before Envoy stops', async t => {
  const { converge, events, until } = await world(t, WEB, SHOP);
  await converge.workloads([WEB, SHOP]);
  await until('in force');
  t.is(events.indexOf('rules web shop'), events.length - 2);
  t.true(events.includes('envoy +out/a/default/web') && events.includes('envoy +out/a/default/shop'));
  events.length = 0;
  await converge.workloads([SHOP]);
  await until('envoy -out/a/default/web');
  t.is(events[0], 'rules shop');
});

test('nothing is given to Envoy before it is known what runs here', async t => {
  const { converge, configs } = await world(t, WEB);
  await converge.now();
  t.deepEqual(configs, []);
});

test('who has no certificate, or no policy, goes as without a mesh until it comes', async t => {
  const { converge, events, uncertified, until } = await world(t, WEB);
  uncertified.add(IDENTITY);
  await converge.workloads([WEB, SHOP]);
  await until('in force');
  t.true(events.includes('rules'));
  t.deepEqual(
    converge.members().map(({ state }) => state),
    ['waiting for certificate', 'waiting for policy'],
  );
  uncertified.clear();
  converge.changed();
  await until('rules web');
});

test('many changes are one round', async t => {
  const { converge, configs, until } = await world(t, WEB);
  await converge.workloads([WEB]);
  await until('in force');
  configs.length = 0;
  for (let index = 0; index < 100; index += 1) converge.changed();
  await converge.now();
  t.is(configs.length, 1);
});

test('rules that cannot be set are told of and set again, and no policy is in force before', async t => {
  const { converge, rules, until } = await world(t, WEB);
  rules.fails = 'nft is away';
  await converge.workloads([WEB]);
  const { reason } = await eventually(
    'a reason',
    () => converge.capture(),
    status => status.reason === 'nft is away',
  );
  t.is(reason, 'nft is away');
  t.deepEqual([...converge.inForce()], []);
  rules.fails = undefined;
  await until('in force');
  t.deepEqual([...converge.inForce()], [['a/default/web', 'r1']]);
  t.deepEqual(converge.capture(), { active: true, problems: [] });
});

test('an Envoy that cannot be started is told of, and started again', async t => {
  const { converge, proxy, until } = await world(t, WEB);
  proxy.fails = 'no such file';
  await converge.workloads([WEB]);
  await t.throwsAsync(converge.now(), { message: 'Envoy has no new config: no such file' });
  t.is(converge.capture().reason, 'no such file');
  proxy.fails = undefined;
  await until('in force');
  await converge.now();
  t.is(converge.capture().reason, undefined);
});

test('an Envoy of an earlier life keeps what it has while what the Manager said is not whole', async t => {
  const { converge, configs, gap, proxy, until } = await world(t, WEB);
  gap.open = true;
  proxy.mayBeOld = true;
  await converge.workloads([WEB]);
  t.deepEqual(configs, []);
  t.is(converge.members().length, 1);
  gap.open = false;
  converge.changed();
  await until('in force');
});

test('a workload gets another port once Envoy refused it and a program has that one', async t => {
  const { converge, ports, refused, until } = await world(t, WEB);
  const portOf = (): number | undefined => ports.toJSON()['a/default/web'];
  refused.add('out/a/default/web');
  await converge.workloads([WEB]);
  await until('envoy !out/a/default/web');
  const port = portOf();
  await using server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.not(await eventually('another port', portOf, found => found !== port), port);
  refused.clear();
  await until('rules web');
});

test('where Envoy may enter no network namespace, those that have one are left out and the others served', async t => {
  const pod = podOf('pod');
  const { converge, configs, proxy, until } = await world(t, WEB, pod);
  proxy.confined = 'it lacks a right';
  await converge.workloads([WEB, pod]);
  await until('rules web');
  t.false(configs.some(({ listeners }) => listeners.includes('out/a/default/pod')));
  t.deepEqual(converge.problems(), [{ origin: 'workload a/default/pod', message: 'it lacks a right' }]);
  proxy.confined = undefined;
  converge.changed();
  await until('rules web pod');
  t.deepEqual(converge.problems(), []);
});

test('a namespace that cannot be linked keeps nobody else waiting, and is linked as soon as it can be', async t => {
  const pod = podOf('pod');
  const { converge, configs, namespaces, until } = await world(t, WEB, pod);
  writeFileSync(namespaces, 'no folder');
  await converge.workloads([WEB, pod]);
  t.regex(converge.problems()[0]?.message ?? '', /^its network namespace cannot be linked: ENOTDIR/);
  await until('envoy +out/a/default/web');
  rmSync(namespaces);
  t.deepEqual(
    await eventually(
      'a link',
      () => converge.problems(),
      ({ length }) => length === 0,
    ),
    [],
  );
  t.is(configs.at(-1)?.links.length, 1);
});

test('Envoy is given no workload before there is a link to its network namespace', async t => {
  const [first, second] = [podOf('first', '/proc/self/ns/net'), podOf('second', '/proc/self/ns/uts')];
  const { converge, configs, until } = await world(t, first, second);
  void converge.workloads([first]);
  // By then its namespace is about to be linked.
  await setImmediate();
  await converge.workloads([first, second]);
  await until('rules first second');
  for (const { listeners, links } of configs)
    t.is(listeners.filter(name => name.startsWith('out/')).length, links.length);
});
