import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type LogFields, type Logger, silentLogger } from '../../../manager/model/util/log.ts';
import { makeFolder } from '../../../test/folders.ts';
import { type Resource, resource, TYPE } from '../../compile/resource.ts';
import { FakeEnvoy } from './fake-envoy.ts';
import { loadSchema, type Schema } from './schema.ts';
import { AdsServer, type AdsServerOptions } from './server.ts';

/** Resources of a name, made in as few words as Envoy's stand-in needs. */
export const cluster = (name: string, timeout = '1s'): Resource =>
  resource(TYPE.cluster, name, { name, type: 'EDS', connect_timeout: timeout, eds_cluster_config: {} }, [
    `service ${name}`,
  ]);
export const endpoints = (name: string): Resource => resource(TYPE.endpoints, name, { cluster_name: name }, []);
export const listener = (name: string): Resource => resource(TYPE.listener, name, { name }, [`workload ${name}`]);
export const internal = (name: string): Resource => resource(TYPE.listener, name, { name, internal_listener: {} }, []);
export const routes = (name: string, header = ''): Resource =>
  resource(TYPE.routes, name, { name, internal_only_headers: [header] }, []);
export const schema: Schema = loadSchema();
/** For what comes at once; so long only because machines of tests are busy. */
export const soon = (): AbortSignal => AbortSignal.timeout(20_000);

/** A server on a socket of its own. */
export interface Table extends AsyncDisposable {
  readonly server: AdsServer;
  readonly socket: string;
  readonly warnings: readonly LogFields[];
  /** @param startedMs see {@link FakeEnvoy}. */
  envoy(startedMs?: number): FakeEnvoy;
}

/** Starts it; all of it is gone after disposal. */
export async function table(options: Partial<AdsServerOptions> = {}): Promise<Table> {
  const folder = makeFolder('ads');
  const socket = join(folder, 'xds.sock');
  const warnings: LogFields[] = [];
  const log: Logger = { ...silentLogger, warn: (_message, fields = {}) => void warnings.push(fields) };
  const server = new AdsServer({ socket, uid: process.getuid?.() ?? 0, log, schema, removalMs: 0, ...options });
  await server.start();
  server.setSecrets([], 'root');
  const envoys: FakeEnvoy[] = [];
  return {
    server,
    socket,
    warnings,
    envoy(startedMs) {
      const envoy = new FakeEnvoy(socket, schema, startedMs);
      envoys.push(envoy);
      return envoy;
    },
    async [Symbol.asyncDispose]() {
      for (const envoy of envoys) envoy.close();
      await server.close();
      await rm(folder, { recursive: true });
    },
  };
}
