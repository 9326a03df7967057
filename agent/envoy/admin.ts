import { text } from 'node:stream/consumers';
import { isRecord } from '../../manager/model/util/fields.ts';
import { http } from '../../manager/model/util/http.ts';

/** A counter or gauge of Envoy. */
export interface Stat {
  readonly name: string;
  readonly value: number;
}

/** What an Envoy says of itself. */
export interface ServerInfo {
  readonly version: string;
  /** `LIVE` once it takes traffic; before that `PRE_INITIALIZING` or `INITIALIZING`, at the end `DRAINING`. */
  readonly state: string;
  readonly epoch: number;
}

/** Memory of Envoy's allocator, bytes. */
export interface EnvoyMemory {
  readonly allocated: number;
  readonly heap: number;
}

/** A certificate that Envoy holds. */
export interface EnvoyCertificate {
  readonly serial: string;
  /** Its URI names. */
  readonly uris: readonly string[];
  /** Milliseconds since 1970. */
  readonly expires: number;
}

export interface AdminOptions {
  /** The unix socket of Envoy's admin interface. */
  readonly socket: string;
  /** Deadline of each call, ms. */
  readonly timeoutMs?: number;
}

/** Talks to Envoy's admin interface. Every call throws when Envoy is not there, or when the deadline or the signal ends it. */
export class EnvoyAdmin {
  readonly #socket: string;
  readonly #timeoutMs: number;

  constructor({ socket, timeoutMs = 5_000 }: AdminOptions) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
  }

  /** Whether Envoy has its first config and takes traffic. */
  async ready(signal?: AbortSignal): Promise<boolean> {
    const { status } = await this.#call('GET', '/ready', signal);
    return status === 200;
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

  /** All statistics as Prometheus reads them. */
  async prometheus(signal?: AbortSignal): Promise<string> {
    return (await this.#ok('GET', '/stats/prometheus', signal)).body;
  }

  async memory(signal?: AbortSignal): Promise<EnvoyMemory> {
    const found = (await this.#json('/memory', signal)) as Record<string, string>;
    return { allocated: Number(found['allocated']), heap: Number(found['heap_size']) };
  }

  /** The leaf certificates that Envoy holds, its own ones. */
  async certificates(signal?: AbortSignal): Promise<EnvoyCertificate[]> {
    const found = (await this.#json('/certs', signal)) as { readonly certificates?: readonly WireCertificates[] };
    return (found.certificates ?? []).flatMap(({ cert_chain: chain = [] }) =>
      chain.slice(0, 1).map(leaf => ({
        serial: leaf.serial_number,
        uris: (leaf.subject_alt_names ?? []).flatMap(({ uri }) => uri ?? []),
        expires: Date.parse(leaf.expiration_time),
      })),
    );
  }

  /** Names of the resources in force: of listeners, clusters, routes, endpoints and secrets together, by section of the dump. */
  async configNames(signal?: AbortSignal): Promise<Readonly<Record<string, readonly string[]>>> {
    const dump = (await this.#json('/config_dump?include_eds', signal)) as { readonly configs?: readonly unknown[] };
    return namesIn(dump.configs ?? []);
  }

  /** Listeners stop taking connections; those that stand go on until their peers close them. */
  async drain(signal?: AbortSignal): Promise<void> {
    await this.#ok('POST', '/drain_listeners?graceful', signal);
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

interface Answer {
  readonly status: number;
  readonly body: string;
}

interface WireCertificates {
  readonly cert_chain?: readonly {
    readonly serial_number: string;
    readonly expiration_time: string;
    readonly subject_alt_names?: readonly { readonly uri?: string }[];
  }[];
}

/** Sections of a config dump hold lists of entries; the name stands in the entry, or in the resource within it. */
function namesIn(configs: readonly unknown[]): Record<string, string[]> {
  const names: Record<string, string[]> = {};
  for (const config of configs.filter(isRecord)) {
    for (const [section, entries] of Object.entries(config)) {
      if (Array.isArray(entries)) names[section] = entries.flatMap(entry => nameOf(entry) ?? []);
    }
  }
  return names;
}

function nameOf(entry: unknown): string | undefined {
  if (!isRecord(entry)) return undefined;
  const name = entry['name'] ?? entry['cluster_name'];
  if (typeof name === 'string') return name;
  const inner = ['cluster', 'route_config', 'endpoint_config', 'listener'].map(key => nameOf(entry[key]));
  return inner.find(found => found !== undefined);
}
