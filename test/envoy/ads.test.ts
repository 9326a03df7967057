import test from 'ava';
import { resource, TYPE } from '../../agent/compile/resource.ts';
import { eventually } from '../eventually.ts';
import { freePort } from '../ports.ts';
import { soon, stage } from './fixture.ts';
import { call, load, origin } from './http.ts';
import { cluster, endpoints, listener, routes, service, socketAddress, typed } from './resources.ts';

test('what Envoy refuses is named with its origin, and holds nothing else back', async t => {
  await using on = await stage();
  await using app = await origin('hello');
  const port = await freePort();
  const good = service('a', app.port, port);
  const { ads } = await on.serve(good);

  const filters = [typed('x', 'nowhere.v3.Nothing')];
  const badListener = { name: 'bad', address: socketAddress(1), filter_chains: [{ filters }] };
  ads.update([
    ...good,
    ...['b', 'c', 'd'].flatMap(name => [cluster(name), endpoints(name, app.port)]),
    cluster('negative', { connect_timeout: '-1s' }),
    cluster('misspelt', { conect_timeout: '1s' }),
    resource(TYPE.listener, 'bad', badListener, ['VirtualService default/bad']),
    routes('r', ['a', 'b', 'a']),
  ]);
  const refused = await ads.applied(soon());
  const brief = refused.map(({ name, origins, reason }) => [name, origins[0], reason.replace(/\s+/g, ' ')]);
  t.deepEqual(brief.map(([name, from]) => `${name} of ${from}`).sort(), [
    'bad of VirtualService default/bad',
    'misspelt of service misspelt',
    'negative of service negative',
    'r of VirtualService default/r',
  ]);
  const reasons = brief.map(([name, , reason]) => `${name}: ${reason}`).sort();
  const wanted = [/nowhere\.v3\.Nothing/, /conect_timeout: .* has no such field/, /positive duration/, /[Dd]uplicate/];
  for (const [index, reason] of reasons.entries()) t.regex(reason, wanted[index]!);
  const warned = on.events.filter(({ level }) => level === 'warn').map(({ fields }) => fields['name']);
  t.deepEqual(warned.map(String).toSorted(), ['bad', 'misspelt', 'negative', 'r']);
  t.deepEqual(await call(port, 'a'), { status: 200, body: 'hello' }, 'the last good routes stay');

  ads.update([
    ...good.slice(0, 3),
    ...['b'].flatMap(name => [cluster(name), endpoints(name, app.port)]),
    routes('r', ['a', 'b']),
  ]);
  t.deepEqual(await ads.applied(soon()), []);
  t.is((await call(port, 'b')).status, 200, 'mended routes are taken');
});

test('what Envoy refuses leaves the last good version in force, also when Envoy is killed', async t => {
  await using on = await stage();
  await using app = await origin('hello');
  const port = await freePort();
  const good = service('a', app.port, port);
  const { ads, envoy } = await on.serve(good);
  t.deepEqual(await ads.applied(soon()), []);
  const [, endpointsOfA, out] = good;
  ads.update([cluster('a', { connect_timeout: '-1s' }), endpointsOfA!, out!, routes('r', ['a', 'b', 'a'])]);
  const refused = (await ads.applied(soon())).map(({ name }) => name);
  t.deepEqual(refused, ['a', 'r']);
  t.deepEqual(await call(port, 'a'), { status: 200, body: 'hello' });

  const { pid } = envoy.status();
  process.kill(pid!, 'SIGKILL');
  await eventually(
    'an answer of the next Envoy',
    () => call(port, 'a'),
    ({ status }) => status === 200 && envoy.status().pid !== pid,
    { timeoutMs: 10_000 },
  );
  t.deepEqual(
    (await ads.applied(soon())).map(({ name }) => name),
    ['a', 'r'],
  );
  ads.update(good);
  t.deepEqual(await ads.applied(soon()), []);
  t.deepEqual(await call(port, 'a'), { status: 200, body: 'hello' });
});

test('a service comes, changes and goes under load without a failed request', async t => {
  await using on = await stage();
  await using app = await origin('hello');
  const port = await freePort();
  const out = listener('out', port, 'r');
  const backup = [cluster('backup'), endpoints('backup', app.port)];
  const viaBackup = { route: { cluster: 'backup' }, match: { prefix: '/' } };
  const routed = (to: string): ReturnType<typeof resource> => {
    const route = { ...viaBackup, route: { cluster: to } };
    return resource(TYPE.routes, 'r', { name: 'r', virtual_hosts: [{ name: 'x', domains: ['*'], routes: [route] }] }, [
      'r',
    ]);
  };
  const { ads } = await on.serve([out, ...backup, routed('backup')], { ads: { removalMs: 100 } });
  await using calls = load(port, 'x');
  for (let round = 0; round < 10; round += 1) {
    const name = `s${round}`;
    ads.update([out, ...backup, cluster(name), endpoints(name, app.port), routed(name)]);
    t.deepEqual(await ads.applied(soon()), []);
    ads.update([out, ...backup, cluster(name, { connect_timeout: '2s' }), endpoints(name, app.port), routed(name)]);
    t.deepEqual(await ads.applied(soon()), []);
    ads.update([out, ...backup, routed('backup')]);
    t.deepEqual(await ads.applied(soon()), []);
  }
  const enough = calls.calls + 20;
  while (calls.calls < enough) await call(port, 'x');
  await calls[Symbol.asyncDispose]();
  t.deepEqual(calls.failed, []);
});
