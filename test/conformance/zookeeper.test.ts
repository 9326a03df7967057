import { startProxy } from '../real/proxy.ts';
import { startZooKeeper } from '../real/zookeeper.ts';
import type { Listed, SilentFixture } from './fixture.ts';
import { Present, parts } from './listed.ts';
import { conformance, silentConformance } from './suite.ts';

/** A real ZooKeeper behind a proxy; each service is a ServerSet. */
async function start(): Promise<SilentFixture> {
  const zookeeper = await startZooKeeper();
  const proxy = await startProxy(zookeeper.address);
  const present = new Present();
  await zookeeper.put('/services', '');
  const path = (service: string, id: string): string => `/services/${service}/member_${id}`;
  const member = ({ address, port }: Listed): string =>
    JSON.stringify({ serviceEndpoint: { host: address, port }, additionalEndpoints: {}, status: 'ALIVE' });
  return {
    entry: { kind: 'zookeeper', servers: proxy.address, paths: ['/services/*'], sessionSeconds: 1 },
    sessionMs: 1000,
    async put(service, listed) {
      const { written, gone } = present.set(service, listed);
      for (const some of parts(written, 500))
        await Promise.all(some.map(one => zookeeper.put(path(service, one.id), member(one))));
      await Promise.all(gone.map(id => zookeeper.remove(path(service, id))));
      if (listed.length === 0) await zookeeper.remove(`/services/${service}`);
    },
    async corrupt(service) {
      await zookeeper.put(path(service, 'bad'), '{"serviceEndpoint": {"host": "10.9.9.9"');
      present.note(service, { id: 'bad', address: '10.9.9.9', port: 1 });
      return new RegExp(`/services/${service}/member_bad.*JSON`);
    },
    kill: () => zookeeper.kill(),
    start: () => zookeeper.start(),
    async away() {
      proxy.refuse();
    },
    async back() {
      proxy.mend();
    },
    async halve(bytes) {
      proxy.cutAfter(bytes);
    },
    silence: () => proxy.silence(),
    async held() {
      const watches = /Total watches:(\d+)/.exec(await zookeeper.word('wchs'))?.[1];
      return proxy.connections + Number(watches);
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await zookeeper[Symbol.asyncDispose]();
    },
  };
}

conformance('zookeeper', start);
silentConformance('zookeeper', 60_000, start);
