import test from 'ava';
import { startConsul } from '../real/consul.ts';
import { startProxy } from '../real/proxy.ts';
import { watch } from './watch.ts';

const SERVICES = 300;
const CONNECTIONS = 20;

/** A service of one instance on a node of its own making. */
function registration(name: string, address: string, status?: 'passing' | 'critical'): Record<string, unknown> {
  return {
    Node: 'outside',
    Address: '10.0.0.1',
    SkipNodeUpdate: true,
    Service: { ID: name, Service: name, Address: address, Port: 80 },
    ...(status && { Check: { CheckID: `check:${name}`, Name: 'health', ServiceID: name, Status: status } }),
  };
}

test('more services than connections: all are followed, and what has a check at once', async t => {
  t.timeout(120_000);
  await using real = await startConsul();
  await using proxy = await startProxy(real.address);
  const register = (...args: Parameters<typeof registration>): Promise<unknown> =>
    real.request('PUT', '/v1/catalog/register', registration(...args));
  for (let index = 0; index < SERVICES; index += 1)
    await register(`s${index}`, '10.0.0.1', index % 2 ? 'passing' : undefined);
  let most = 0;
  const counting = setInterval(() => {
    most = Math.max(most, proxy.connections);
  }, 5);
  await using _stop = { [Symbol.asyncDispose]: () => Promise.resolve(clearInterval(counting)) };
  await using watched = watch({ entry: { kind: 'consul', address: proxy.address, connections: CONNECTIONS } });
  await watched.until('the first list', status => status.synced);
  t.is(watched.followed.status().services, SERVICES);

  const checked = Array.from({ length: SERVICES / 2 }, (_, index) => `s${index * 2 + 1}`);
  const took: number[] = [];
  for (const name of checked.slice(-10)) {
    const began = performance.now();
    await register(name, '10.0.0.2', 'critical');
    await watched.until(`${name} failing`, () => {
      const service = watched.followed.state().get(`/${name}`);
      return service?.instances[0]?.health === 'unhealthy' && service.instances[0].address === '10.0.0.2';
    });
    took.push(performance.now() - began);
  }
  took.sort((a, b) => a - b);
  t.log(
    `with a check followed within ${took[5]!.toFixed(0)} ms in half of the cases, ${took.at(-1)!.toFixed(0)} ms at worst`,
  );
  t.true(took[5]! < 500);

  const began = performance.now();
  await register(`s${SERVICES - 2}`, '10.0.0.3');
  await watched.until('a change without a check', () => watched.of(`s${SERVICES - 2}`)?.[0] === '10.0.0.3:80');
  t.log(`without a check within ${((performance.now() - began) / 1000).toFixed(1)} s`);

  await register('zz', '10.0.0.4');
  await watched.until('a new service', () => watched.of('zz') !== undefined);
  await real.request('PUT', '/v1/catalog/deregister', { Node: 'outside', ServiceID: 's299' });
  await watched.until('a removal', () => watched.of('s299') === undefined);
  t.is(watched.followed.status().services, SERVICES);
  t.true(most <= CONNECTIONS, `${most} connections at once`);
  t.true(most >= CONNECTIONS / 2, `${most} connections at once: the bound was not tried`);
});
