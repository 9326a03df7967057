import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import type { RegistryEvent } from '../registry.ts';
import { consulKind } from './consul.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const INDEX = { 'x-consul-index': '7' };

/** What answers instead of Consul: a page of a load balancer, another server at its port, a program that failed. */
const STRANGERS: readonly [what: string, headers: Readonly<Record<string, string>>, body: string][] = [
  ['bytes of no type', INDEX, '{}'],
  ['nothing of no type', INDEX, ''],
  ['a page', { 'content-type': 'text/html' }, '<h1>Back soon</h1>'],
  ['an empty object of another server', JSON_TYPE, '{}'],
  ['an empty list of another server', JSON_TYPE, '[]'],
  ['an error as an object', { ...JSON_TYPE, ...INDEX }, '{"error":"not today"}'],
];

for (const [what, headers, body] of STRANGERS)
  test(`${what} lists no service, and takes none away`, async t => {
    const server = createServer((request, response: ServerResponse) => {
      // The first session sees Consul with one service, and a break.
      if (request.url!.includes('index=')) return void response.destroy();
      const answer = request.url!.includes('/catalog/') ? { reviews: [] } : [INSTANCE];
      if (sessions === 1) response.writeHead(200, { ...JSON_TYPE, ...INDEX }).end(JSON.stringify(answer));
      else response.writeHead(200, headers).end(body);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => server.close());
    const registry = consulKind.create({ address: `127.0.0.1:${(server.address() as AddressInfo).port}` }, 'one');
    let sessions = 0;
    const session = async (): Promise<{ readonly events: readonly RegistryEvent[]; readonly why: string }> => {
      sessions += 1;
      const events: RegistryEvent[] = [];
      try {
        for await (const event of registry.watch(AbortSignal.timeout(10_000))) events.push(event);
        return { events, why: 'it was aborted' };
      } catch (error) {
        return { events, why: (error as Error).message };
      }
    };
    const first = await session();
    t.true(first.events.some(event => event.type === 'service' && event.service.instances.length === 1));
    const { events, why } = await session();
    t.deepEqual(events, []);
    t.regex(why, /^Cannot read the list of services of Consul at .*: .*not one of Consul|must be a map of names/);
  });

const INSTANCE = { Node: { Node: 'n', Address: '10.0.0.1' }, Service: { ID: 'r1', Port: 9080 }, Checks: [] };
