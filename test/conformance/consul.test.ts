import { type RealConsul, startConsul } from '../real/consul.ts';
import { startProxy } from '../real/proxy.ts';
import type { Listed, SilentFixture } from './fixture.ts';
import { Present, parts } from './listed.ts';
import { conformance, silentConformance } from './suite.ts';

/** Consul takes no more operations in one transaction. */
const OPERATIONS = 128;
const NODE = 'elsewhere';

/** How services of a Consul are written. */
function writing(consul: RealConsul): Pick<SilentFixture, 'put' | 'corrupt'> {
  const present = new Present();
  const transact = async (operations: readonly unknown[]): Promise<void> => {
    for (const some of parts(operations, OPERATIONS)) await consul.request('PUT', '/v1/txn', some);
  };
  return {
    async put(service: string, listed: readonly Listed[]): Promise<void> {
      const { written, gone } = present.set(service, listed);
      const id = (of: string): string => `${service}-${of}`;
      const set = written.map(one => ({
        ID: id(one.id),
        Service: service,
        Address: one.address,
        Port: one.port,
        Meta: {},
      }));
      await transact([
        ...set.map(Service => ({ Service: { Verb: 'set', Node: NODE, Service } })),
        ...gone.map(of => ({ Service: { Verb: 'delete', Node: NODE, Service: { ID: id(of), Service: service } } })),
      ]);
    },
    async corrupt(service) {
      const bad = { ID: `${service}-bad`, Service: service, Address: '10.9.9.9', Port: 0 };
      await transact([{ Service: { Verb: 'set', Node: NODE, Service: bad } }]);
      present.note(service, { id: 'bad', address: '10.9.9.9', port: 0 });
      return new RegExp(`${service}.*${NODE}/${service}-bad.*has the port`);
    },
  };
}

/** A real Consul behind a proxy; instances are those of a node that runs no agent. */
async function start(): Promise<SilentFixture> {
  const consul = await startConsul();
  const proxy = await startProxy(consul.address);
  await consul.request('PUT', '/v1/catalog/register', { Node: NODE, Address: '10.99.0.1' });
  return {
    entry: { kind: 'consul', address: proxy.address, waitSeconds: 60 },
    sessionMs: 1500,
    ...writing(consul),
    kill: () => consul.kill(),
    start: () => consul.start(),
    async away() {
      proxy.refuse();
    },
    async back() {
      proxy.mend();
    },
    async halve(bytes) {
      proxy.cutAfter(bytes);
      // Blocking queries answer when something changes; one that is cut off is asked again.
      await consul.request('PUT', '/v1/catalog/register', {
        Node: NODE,
        Address: '10.99.0.1',
        NodeMeta: { bytes: `${bytes}` },
      });
    },
    silence: () => proxy.silence(),
    held: () => Promise.resolve(proxy.connections),
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await consul[Symbol.asyncDispose]();
    },
  };
}

conformance('consul', start);
// Long before a blocking query would have to answer.
silentConformance('consul', 20_000, start);
