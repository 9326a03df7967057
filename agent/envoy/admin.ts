import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { http } from '../../manager/model/util/http.ts';

/** A counter or gauge of Envoy. */
export interface Stat {
  readonly name: string;
  readonly value: number;
}

/** A place that a cluster of Envoy's has. */
export interface ClusterPlace {
  readonly cluster: string;
  readonly address: string;
  readonly port: number;
  /** Connections that did not come about, since Envoy knows the place. */
  readonly failed: number;
}

/** As Envoy tells of a cluster: `ClusterStatus` of envoy/admin/v3/clusters.proto. */
interface ClusterStatus {
  readonly name?: string;
  readonly host_statuses?: readonly {
    readonly address?: { readonly socket_address?: { readonly address?: string; readonly port_value?: number } };
    readonly stats?: readonly { readonly name?: string; readonly value?: string }[];
  }[];
}

/** What an Envoy says of itself. */
export interface ServerInfo {
  readonly version: string;
  /** `LIVE` once it takes traffic; before that `PRE_INITIALIZING` or `INITIALIZING`, at the end `DRAINING`. */
  readonly state: string;
  readonly epoch: number;
}

export interface AdminOptions {
  /** The unix socket of Envoy's admin interface. */
  readonly socket: string;
  /** Deadline of each call, ms. */
  readonly timeoutMs?: number;
}

/** How often it is looked whether connections are left, milliseconds. */
const IDLE_LOOK_MS = 100;

/** Talks to Envoy's admin interface. Every call throws when Envoy is not there, or when the deadline or the signal ends it. */
export class EnvoyAdmin {
  readonly #socket: string;
  readonly #timeoutMs: number;

  constructor({ socket, timeoutMs = 5_000 }: AdminOptions) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
  }

  async serverInfo(signal?: AbortSignal): Promise<ServerInfo> {
    const found = (await this.#json('/server_info', signal)) as {
      readonly version?: string;
      readonly state?: string;
      readonly command_line_options?: { readonly restart_epoch?: number };
    };
    const { version = '', state = '', command_line_options: options } = found;
    return { version, state, epoch: options?.restart_epoch ?? 0 };
  }

  /** Counters and gauges whose name matches. @param filter a regular expression of RE2. */
  async stats(filter: string, signal?: AbortSignal): Promise<Stat[]> {
    const found = (await this.#json(`/stats?format=json&filter=${encodeURIComponent(filter)}`, signal)) as {
      readonly stats?: readonly Partial<Stat>[];
    };
    return (found.stats ?? []).flatMap(({ name, value }) =>
      name !== undefined && typeof value === 'number' ? [{ name, value }] : [],
    );
  }

  /** The places of clusters, but for those inside Envoy. @param names of the clusters. */
  async places(names: readonly string[], signal?: AbortSignal): Promise<ClusterPlace[]> {
    const filter = encodeURIComponent(`^(${names.map(name => RegExp.escape(name)).join('|')})$`);
    const found = (await this.#json(`/clusters?format=json&filter=${filter}`, signal)) as {
      readonly cluster_statuses?: readonly ClusterStatus[];
    };
    return (found.cluster_statuses ?? []).flatMap(placesOf);
  }

  /** Listeners stop taking connections; those that stand go on until their peers close them. */
  async drain(signal?: AbortSignal): Promise<void> {
    await this.#ok('POST', '/drain_listeners?graceful', signal);
  }

  /**
   * Resolves when no connection is left, or the signal aborts. One that does not answer may have some, as long as it lives.
   * @param lives whether Envoy does.
   */
  async idle(signal: AbortSignal, lives: () => Promise<boolean>): Promise<void> {
    while (!signal.aborted) {
      const stats = await this.stats('^listener\\..*\\.downstream_cx_active$', signal).catch(() => undefined);
      const goesOn = stats?.some(({ name, value }) => value > 0 && !name.includes('admin')) ?? (await lives());
      if (!goesOn) return;
      await delay(IDLE_LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Has it open the files anew that it writes to; done once it writes again. */
  async reopenLogs(signal?: AbortSignal): Promise<void> {
    await this.#ok('POST', '/reopen_logs', signal);
  }

  async #json(path: string, signal?: AbortSignal): Promise<unknown> {
    return JSON.parse((await this.#ok('GET', path, signal)).body);
  }

  async #ok(method: 'GET' | 'POST', path: string, signal?: AbortSignal): Promise<Answer> {
    const answer = await this.#call(method, path, signal);
    if (answer.status === 200) return answer;
    throw new Error(
      `Envoy's admin interface answered ${answer.status} to ${path}: ${answer.body.trim().slice(0, 200)}`,
    );
  }

  async #call(method: 'GET' | 'POST', path: string, signal?: AbortSignal): Promise<Answer> {
    const deadline = AbortSignal.timeout(this.#timeoutMs);
    const either = signal ? AbortSignal.any([signal, deadline]) : deadline;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const call = http.request({ socketPath: this.#socket, method, path, signal: either, agent: false }, response => {
      text(response).then(body => resolve({ status: response.statusCode ?? 0, body }), reject);
    });
    call.on('error', reject);
    call.end();
    try {
      return await promise;
    } catch (cause) {
      throw new Error(`Envoy's admin interface at ${this.#socket} did not answer ${path}`, { cause });
    }
  }
}

function placesOf({ name: cluster = '', host_statuses: hosts = [] }: ClusterStatus): ClusterPlace[] {
  return hosts.flatMap(({ address: { socket_address: socket } = {}, stats = [] }) => {
    const { address, port_value: port } = socket ?? {};
    if (address === undefined || port === undefined) return [];
    const failed = Number(stats.find(({ name }) => name === 'cx_connect_fail')?.value ?? 0);
    return [{ cluster, address, port, failed }];
  });
}

interface Answer {
  readonly status: number;
  readonly body: string;
}
