import { makeFolder } from '../folders.ts';
import { freePorts } from '../ports.ts';
import { ensureConsul } from './install/consul.ts';
import { type Place, requestIn } from './place.ts';
import { type RealServer, startServer } from './server.ts';

export interface ConsulOptions extends Place {
  /** HTTP port; a free one when absent. Inside a namespace of its own, 8500. */
  readonly port?: number;
  /** For the question whether it is ready, where ACLs are on. */
  readonly token?: string;
  /** More of its configuration, such as `acl`. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** A real Consul: one server, data on disk. */
export interface RealConsul extends RealServer {
  /** `127.0.0.1:8500` */
  readonly address: string;
  /** Sends a request to its HTTP API. @throws when it does not answer 2xx. */
  request(method: string, path: string, body?: unknown, token?: string): Promise<unknown>;
}

/** Starts Consul (built when the cache lacks it, which takes minutes) and waits until it has elected itself. */
export async function startConsul(options: ConsulOptions = {}): Promise<RealConsul> {
  const binary = await ensureConsul();
  const folder = makeFolder('consul');
  const host = options.address ?? '127.0.0.1';
  const [free, serf, server] = options.argvPrefix ? [8500, 8301, 8300] : await freePorts(3);
  const port = options.port ?? free!;
  const config = {
    bind_addr: host,
    client_addr: host,
    ports: { http: port, dns: -1, grpc: -1, grpc_tls: -1, serf_lan: serf, serf_wan: -1, server },
    disable_update_check: true,
    performance: { raft_multiplier: 1 },
    ...options.config,
  };
  const argv = [
    binary,
    'agent',
    '-server',
    '-bootstrap-expect=1',
    '-node=test',
    `-data-dir=${folder}/data`,
    '-log-level=warn',
  ];
  const address = `${host}:${port}`;
  const request: RealConsul['request'] = (method, path, body, token) =>
    requestIn(options, {
      url: `http://${address}${path}`,
      method,
      body,
      headers: token ? { 'X-Consul-Token': token } : {},
    });
  const real = await startServer({
    folder,
    argv: [...(options.argvPrefix ?? []), ...argv, '-hcl', JSON.stringify(config)],
    readyTimeoutMs: 30_000,
    async ready() {
      const nodes = (await request('GET', '/v1/health/service/consul?passing', undefined, options.token)) as unknown[];
      if (nodes.length === 0) throw new Error('it has not registered itself yet');
    },
  });
  return Object.assign(real, { address, request });
}
