import type { JsonMap } from '../compile/resource.ts';
import type { EnvoyPaths } from './paths.ts';
import { KEPT_STATISTICS } from './statistics.ts';

export interface BootstrapOptions {
  /** Name of the host: Envoy's node id. */
  readonly host: string;
  readonly paths: Pick<EnvoyPaths, 'admin' | 'xds'>;
  /** Connections that Envoy takes at once, of all listeners together; {@link MOST_CONNECTIONS} unless told otherwise. */
  readonly maxConnections?: number;
  /** Heap at which Envoy sheds load rather than grow, bytes; 1 GiB unless told otherwise. */
  readonly maxHeapBytes?: number;
}

/** Connections that Envoy takes at once, where it may have enough open files. */
const MOST_CONNECTIONS = 50_000;

/**
 * Of all that Envoy takes at once, the most that may come by the listeners that strangers reach: the rest is for the calls of the host's own
 * workloads, and existing connections go on.
 */
const SHARES: Readonly<Record<string, number>> = { tunnel: 0.5, inbound: 0.4 };

/** How many connections Envoy may take with so many open files: most are passed on over another one, and listeners need some too. */
export function connectionsWith(openFiles: number): number {
  return Math.min(MOST_CONNECTIONS, Math.floor(openFiles * 0.4));
}

const EXTENSION = 'type.googleapis.com/envoy.extensions.';
const AGENT = 'xds';

/**
 * What Envoy is started with: where its agent is. All else comes over xDS. A start does not wait longer than 5 s for any one resource,
 * so that an Envoy with a part of its config serves that part.
 */
export function bootstrap(options: BootstrapOptions): JsonMap {
  const ads = { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '5s' };
  return {
    node: { id: options.host, cluster: 'isthmus' },
    admin: { address: { pipe: { path: options.paths.admin, mode: 0o600 } }, ignore_global_conn_limit: true },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: AGENT, retry_policy: RECONNECT } }],
      },
      lds_config: ads,
      cds_config: ads,
    },
    static_resources: { clusters: [agentCluster(options.paths.xds)] },
    layered_runtime: { layers: [{ name: 'static', static_layer: { ...RUNTIME, ...listenerLimits(options) } }] },
    bootstrap_extensions: [typed('internal_listener', 'bootstrap.internal_listener.v3.InternalListener')],
    overload_manager: overload(options),
    watchdogs: WATCHDOGS,
    stats_flush_interval: '5s',
    stats_config: { stats_matcher: KEPT_STATISTICS },
    // The statistics of a cluster's traffic are made once there is some.
    deferred_stat_options: { enable_deferred_creation_stats: true },
    cluster_manager: { enable_deferred_cluster_creation: true },
  };
}

/** Where in the metadata of its node Envoy says when it was started. */
export const STARTED = 'started';

/** The part of the bootstrap that says when Envoy was started. */
export function startedNode(ms: number): JsonMap {
  return { node: { metadata: { [STARTED]: String(ms) } } };
}

/** An agent that comes back is found at once: by default Envoy waits for up to half a minute between two tries. */
const RECONNECT: JsonMap = { retry_back_off: { base_interval: '0.1s', max_interval: '1s' } };

const RUNTIME: JsonMap = {
  /**
   * A server that closes first ends its tunnel by END_STREAM and then RST_STREAM. Passed on, the reset throws away what the caller has not
   * read yet: every such call to a TCP service would fail.
   */
  'envoy.reloadable_features.propagate_upstream_rst_through_tunneled_tcp_proxy': false,
  /** By default Envoy refuses regular expressions of a hundred steps or more, and with one all routes of its port. Istio sets the same. */
  're2.max_program_size.error_level': 32_768,
};

/**
 * A thread that does one and the same thing for so long is in a deadlock; Envoy then ends itself, and the agent starts it again. By default
 * it never does. No sooner, as one that was stopped as a whole, such as in a virtual machine that was paused, may take that for a deadlock
 * when it goes on: of three, after 40 s with a limit of 30, one did.
 */
const WATCHDOGS: JsonMap = {
  main_thread_watchdog: { kill_timeout: '120s' },
  worker_watchdog: { kill_timeout: '120s' },
};

/** The agent's xDS server. Keep-alive tells a dead stream from a quiet one. */
function agentCluster(socket: string): JsonMap {
  return {
    name: AGENT,
    type: 'STATIC',
    connect_timeout: '1s',
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': `${EXTENSION}upstreams.http.v3.HttpProtocolOptions`,
        explicit_http_config: { http2_protocol_options: { connection_keepalive: { interval: '10s', timeout: '10s' } } },
      },
    },
    load_assignment: {
      cluster_name: AGENT,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: socket } } } }] }],
    },
  };
}

function listenerLimits({ maxConnections = MOST_CONNECTIONS }: BootstrapOptions): JsonMap {
  const limits = Object.entries(SHARES).map(([listener, share]) => [
    `envoy.resource_limits.listener.${listener}.connection_limit`,
    Math.ceil(maxConnections * share),
  ]);
  return Object.fromEntries(limits) as JsonMap;
}

/** Too many connections are refused, and near the end of its memory Envoy closes idle ones, then takes no more requests. */
function overload(options: BootstrapOptions): JsonMap {
  const { maxConnections = MOST_CONNECTIONS, maxHeapBytes = 1024 ** 3 } = options;
  const heap = 'envoy.resource_monitors.fixed_heap';
  const at = (value: number): JsonMap => ({ name: heap, threshold: { value } });
  return {
    refresh_interval: '0.25s',
    resource_monitors: [
      typed(heap, 'resource_monitors.fixed_heap.v3.FixedHeapConfig', { max_heap_size_bytes: maxHeapBytes }),
      typed(
        'envoy.resource_monitors.global_downstream_max_connections',
        'resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
        { max_active_downstream_connections: maxConnections },
      ),
    ],
    actions: [
      { name: 'envoy.overload_actions.shrink_heap', triggers: [at(0.9)] },
      { name: 'envoy.overload_actions.disable_http_keepalive', triggers: [at(0.95)] },
      { name: 'envoy.overload_actions.stop_accepting_requests', triggers: [at(0.98)] },
    ],
  };
}

function typed(name: string, type: string, config: JsonMap = {}): JsonMap {
  return { name, typed_config: { '@type': `${EXTENSION}${type}`, ...config } };
}
