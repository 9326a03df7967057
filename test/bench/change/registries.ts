import { renameSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../../hosts/host.ts';
import { Lines } from '../lines.ts';

/** Where the one instance of a service stands from now on. */
export interface Move {
  readonly service: string;
  readonly address: string;
  readonly port: number;
}

/** A registry whose instances can be moved. */
export interface MovableRegistry {
  readonly kind: 'file' | 'consul' | 'zookeeper';
  /** Its one service; the same name as in the URL. */
  readonly service: string;
  /** Of `registries` in manager.yaml. */
  readonly config: Readonly<Record<string, unknown>>;
  /** @returns when the registry had acknowledged it: CLOCK_MONOTONIC, nanoseconds. */
  move(address: string, port: number): Promise<bigint>;
}

/** How long a registry may take to acknowledge a write, milliseconds. */
const LIMIT_MS = 15_000;

const PORT = { name: 'http', number: 80, protocol: 'http' };

/** A file that is replaced by a rename. */
export function fileRegistry(control: Host): MovableRegistry {
  const path = join(control.configDir, 'moving.yaml');
  const service = 'moving-file';
  return {
    kind: 'file',
    service,
    config: { name: 'file', kind: 'file', path },
    async move(address, port) {
      const next = `${path}.next`;
      const instances = [{ id: 'moving', address, port }];
      await writeFile(next, JSON.stringify({ services: [{ name: service, ports: [PORT], instances }] }));
      renameSync(next, path);
      return process.hrtime.bigint();
    },
  };
}

/** A real Consul and a real ZooKeeper that run on the Manager's host. */
export function serverRegistries(
  control: Host,
  addresses: { readonly consul: string; readonly zookeeper: string },
): readonly MovableRegistry[] {
  const file = new URL('writer.ts', import.meta.url).pathname;
  const command = [process.execPath, file, addresses.consul, addresses.zookeeper];
  const writer = new Lines(control.spawn(command, { keepStdin: true }));
  const make = (kind: 'consul' | 'zookeeper', config: Readonly<Record<string, unknown>>): MovableRegistry => {
    const service = `moving-${kind}`;
    return {
      kind,
      service,
      config: { name: kind, kind, services: { [service]: { ports: [PORT] } }, ...config },
      async move(address, port) {
        writer.say(JSON.stringify({ registry: kind, service, address, port }));
        return BigInt(await writer.next(LIMIT_MS));
      },
    };
  };
  return [
    make('consul', { address: addresses.consul }),
    make('zookeeper', { servers: addresses.zookeeper, paths: ['/discovery/*'] }),
  ];
}
