import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../../test/hosts/host.ts';
import { startConsul } from '../../test/real/consul.ts';
import { cachedConsul } from '../../test/real/install/consul.ts';
import { startZooKeeper } from '../../test/real/zookeeper.ts';
import { findProgram } from '../setup/programs.ts';
import type { Player, Server } from './cast.ts';

/** A registry of the demo: what the Manager is told of it, and how instances are listed in it. Disposing ends it. */
export interface DemoRegistry extends AsyncDisposable {
  /** Its entry in manager.yaml. */
  readonly config: Readonly<Record<string, unknown>>;
  list(server: Server, address: string): Promise<void>;
}

/** What callers use; neither Consul nor a ServerSet can say it. */
const SERVICES = { reviews: { ports: [{ number: 9080, name: 'http', protocol: 'http' }] } };
const ZOOKEEPER_JAR = '/usr/share/java/zookeeper.jar';

/**
 * The registry of each host: a real Consul and a real ZooKeeper where this machine has them (`npm test` brings both), else a file.
 * They run beside the Manager. @param stack ends them.
 */
export async function openRegistries(
  control: Host,
  stack: AsyncDisposableStack,
  say: (line: string) => void,
): Promise<Readonly<Record<Player['host'], DemoRegistry>>> {
  const [hasConsul, hasZooKeeper] = [
    (await cachedConsul()) !== undefined,
    existsSync(ZOOKEEPER_JAR) && findProgram('java'),
  ];
  say(
    `opening two registries: ${hasConsul ? 'a Consul' : 'a file'} for alpha, ${hasZooKeeper ? 'a ZooKeeper' : 'a file'} for beta`,
  );
  const opened = await Promise.allSettled([
    hasConsul ? consulRegistry(control) : fileRegistry(control, 'file-of-alpha'),
    hasZooKeeper ? zookeeperRegistry(control) : fileRegistry(control, 'file-of-beta'),
  ]);
  // What did open is closed in any case, also when the other failed.
  const [alpha, beta] = opened.map(one => (one.status === 'fulfilled' ? stack.use(one.value) : undefined));
  const failed = opened.find(one => one.status === 'rejected');
  if (failed) throw new Error('A registry of the demo did not come up', { cause: failed.reason });
  return { alpha: alpha!, beta: beta! };
}

function inside(control: Host): readonly string[] {
  return ['ip', 'netns', 'exec', control.namespace];
}

async function consulRegistry(control: Host): Promise<DemoRegistry> {
  const consul = await startConsul({ argvPrefix: inside(control) });
  return {
    config: { name: 'consul', kind: 'consul', address: consul.address, services: SERVICES },
    async list({ name, port, version }, address) {
      const service = { ID: name, Name: 'reviews', Address: address, Port: port, Meta: { version } };
      await consul.request('PUT', '/v1/agent/service/register', service);
    },
    [Symbol.asyncDispose]: () => consul[Symbol.asyncDispose](),
  };
}

async function zookeeperRegistry(control: Host): Promise<DemoRegistry> {
  const zookeeper = await startZooKeeper({ argvPrefix: inside(control) });
  const more = { servers: zookeeper.address, paths: ['/discovery/*'], services: SERVICES };
  return {
    config: { name: 'zookeeper', kind: 'zookeeper', ...more },
    async list({ name, port, version }, host) {
      const endpoint = { host, port };
      const member = {
        serviceEndpoint: endpoint,
        additionalEndpoints: { http: endpoint },
        status: 'ALIVE',
        metadata: { version },
      };
      // The number at the end is what ZooKeeper would give a member that announces itself.
      const number = name.slice(name.lastIndexOf('-') + 1).padStart(10, '0');
      await zookeeper.put(`/discovery/reviews/member_${number}`, JSON.stringify(member));
    },
    [Symbol.asyncDispose]: () => zookeeper[Symbol.asyncDispose](),
  };
}

async function fileRegistry(control: Host, name: string): Promise<DemoRegistry> {
  const path = join(control.configDir, `${name}.yaml`);
  const instances: object[] = [];
  const write = (): Promise<void> =>
    writeFile(path, JSON.stringify({ services: [{ name: 'reviews', ...SERVICES.reviews, instances }] }, undefined, 2));
  await write();
  return {
    config: { name, kind: 'file', path },
    async list({ name: id, port, version }, address) {
      instances.push({ id, address, port, labels: { version } });
      await write();
    },
    // The file goes with its host.
    [Symbol.asyncDispose]: async () => undefined,
  };
}
