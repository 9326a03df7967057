import type { JsonMap } from '../compile/resource.ts';

/**
 * The statistics that Envoy keeps, by the end of their names; see Envoy's "Statistics" pages. It would make over a hundred for each
 * service and workload, of which people and dashboards read these, and the agent those of connections that failed. With all of them 200
 * services take a fifth more memory.
 */
const KEPT = {
  /** Calls to services and workloads. */
  cluster: [
    'upstream_cx_(active|total|connect_fail|connect_timeout|overflow|none_healthy|rx_bytes_total|tx_bytes_total)',
    'upstream_rq_(active|total|time|timeout|[1-5]xx|retry|retry_success|rx_reset|pending_overflow)',
    'membership_(healthy|total)',
    'outlier_detection\\.ejections_active',
  ],
  /** Calls of workloads, and tunnels. */
  http: [
    'downstream_cx_(active|total|protocol_error|rx_bytes_total|tx_bytes_total)',
    'downstream_rq_(active|total|time|timeout|[1-5]xx|rx_reset|too_large)',
    'no_(route|cluster)',
  ],
  tcp: ['downstream_cx_(total|no_route|rx_bytes_total|tx_bytes_total)'],
  listener: [
    'downstream_cx_(active|total|overflow|overload_reject)',
    'no_filter_chain_match',
    'ssl\\.(handshake|connection_error|fail_verify.*|no_certificate)',
  ],
} as const;

/** Few of each: of Envoy itself and of its agent's stream. */
const WHOLE = ['server', 'listener_manager', 'cluster_manager', 'control_plane', 'overload'];

/**
 * Names of clusters end behind their last "|", those of other things hold no such sign: what Envoy counts once more by zone, or for
 * calls from outside, does not fit.
 */
const CLUSTER = '([^|.]+|.*\\|[^|.]*)';

/** A StatsMatcher, of envoy/config/metrics/v3/stats.proto. */
export const KEPT_STATISTICS: JsonMap = {
  inclusion_list: {
    patterns: [
      ...Object.entries(KEPT).map(([kind, ends]) => ({
        safe_regex: { regex: `^${kind}\\.${kind === 'cluster' ? CLUSTER : '.*'}\\.(${ends.join('|')})$` },
      })),
      ...WHOLE.map(prefix => ({ prefix: `${prefix}.` })),
    ],
  },
};
