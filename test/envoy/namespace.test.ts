import { readFile } from 'node:fs/promises';
import test from 'ava';
import { type Resource, resource, TYPE } from '../../agent/compile/resource.ts';
import { createNetwork } from '../hosts/network.ts';
import { soon, stage } from './fixture.ts';
import { origin } from './http.ts';
import { service } from './resources.ts';

const PORT = 8080;

/** A service whose listener lies inside a network namespace. */
function inside(namespace: string, appPort: number): Resource[] {
  return service('a', appPort, PORT).map(one => {
    if (one.typeUrl !== TYPE.listener) return one;
    const socket_address = { address: '127.0.0.1', port_value: PORT, network_namespace_filepath: namespace };
    return resource(TYPE.listener, one.name, { ...one.body, address: { socket_address } }, one.origins);
  });
}

test('Envoy listens inside a network namespace with that one right, and not without it', async t => {
  await using net = await createNetwork({ prefix: 'envoyns' });
  const place = await net.host('a');
  await using app = await origin('hello');
  await using on = await stage();
  const resources = inside(place.namespacePath, app.port);
  const life = new AbortController();
  const without = await on.serve(resources, { signal: life.signal });
  const [refused, ...more] = await without.ads.applied(soon());
  t.deepEqual([refused?.name, more], ['out', []]);
  t.regex(refused!.reason, /set netns .*not permitted/);
  life.abort();

  const envoy = on.envoy({ capabilities: ['sys_admin'] });
  t.is(await envoy.start(on.life.signal), 'replaced');
  await envoy.ready(soon());
  t.deepEqual(await without.ads.applied(soon()), []);
  const url = ['-H', 'host: a', `http://127.0.0.1:${PORT}/`];
  t.is(await place.run(['curl', '-sS', '--max-time', '5', ...url]), 'hello');
  const status = await readFile(`/proc/${envoy.status().pid}/status`, 'utf8');
  const line = (name: string): string | undefined => new RegExp(`^${name}:\\t(.*)$`, 'm').exec(status)?.[1];
  t.deepEqual(
    ['Uid', 'CapEff', 'CapBnd', 'NoNewPrivs', 'Groups'].map(name => line(name)?.trim()),
    ['1337\t1337\t1337\t1337', '0000000000200000', '0000000000200000', '1', ''],
  );
});
