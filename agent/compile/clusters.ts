import type {
  OutlierDetection,
  SimpleLoadBalancer,
  TrafficPolicy,
} from '../../manager/model/config/destination-rule.ts';
import { isHttp, type Protocol } from '../../manager/model/service.ts';
import { DIRECT } from './endpoints.ts';
import { internalSocket, PLAINTEXT } from './filters.ts';
import { ADS, METADATA } from './names.ts';
import type { JsonMap } from './resource.ts';
import { LIMITS, upstreamProtocol } from './upstream.ts';

const SOCKETS: readonly JsonMap[] = [
  { name: 'direct', match: DIRECT, transport_socket: PLAINTEXT },
  { name: 'inside', match: {}, transport_socket: internalSocket(METADATA) },
];

const BALANCERS: Readonly<Record<SimpleLoadBalancer, string>> = {
  ROUND_ROBIN: 'ROUND_ROBIN',
  LEAST_REQUEST: 'LEAST_REQUEST',
  RANDOM: 'RANDOM',
  UNSPECIFIED: 'LEAST_REQUEST',
  // There is no address to pass on to but a virtual one.
  PASSTHROUGH: 'LEAST_REQUEST',
};

interface ClusterOptions {
  /** Also of the load assignment. */
  readonly name: string;
  /** The name that statistics go by. */
  readonly statistics: string;
  readonly protocol: Protocol;
  readonly policy: TrafficPolicy | undefined;
  /** What marks all that it dials as delivered to workloads of this host; empty where it may dial others. */
  readonly delivers: JsonMap;
}

/** A cluster whose instances come by EDS. */
export function cluster({ name, statistics, protocol, policy, delivers }: ClusterOptions): JsonMap {
  const outlier = policy?.outlierDetection;
  return {
    name,
    ...(name === statistics ? {} : { alt_stat_name: statistics }),
    type: 'EDS',
    connect_timeout: '5s',
    eds_cluster_config: { service_name: name, eds_config: ADS },
    lb_policy: BALANCERS[policy?.loadBalancer?.simple ?? 'UNSPECIFIED'],
    // Unhealthy instances get traffic only when no other is left (the least that Envoy can be told is one percent).
    common_lb_config: { healthy_panic_threshold: { value: outlier?.minHealthPercent ?? 1 } },
    transport_socket_matches: SOCKETS,
    circuit_breakers: LIMITS,
    ...delivers,
    ...(isHttp(protocol) || outlier !== undefined ? { outlier_detection: outlierDetection(outlier) } : {}),
    ...upstreamProtocol(protocol),
  };
}

/**
 * Instances that cannot be reached are left alone for some seconds: a balancer that counts requests would otherwise prefer them, as they
 * have none. A tunnel to a host that is gone looks like a connection that is made and then lost, which Envoy notes as a success and a
 * failure: hence the percentage. Not so for TCP, where a refusal looks the same, and one workload's would take instances from all.
 */
const UNREACHABLE: JsonMap = {
  split_external_local_origin_errors: true,
  consecutive_local_origin_failure: 2,
  enforcing_consecutive_local_origin_failure: 100,
  enforcing_failure_percentage_local_origin: 100,
  failure_percentage_threshold: 40,
  failure_percentage_minimum_hosts: 2,
  failure_percentage_request_volume: 4,
  enforcing_local_origin_success_rate: 0,
  enforcing_consecutive_5xx: 0,
  enforcing_success_rate: 0,
  interval: '0.5s',
  base_ejection_time: '1s',
  max_ejection_time: '10s',
  max_ejection_percent: 100,
};

/** As Istio: without a DestinationRule answers eject nobody; in one, 0 errors switches a kind off, and what is not said is Envoy's default. */
function outlierDetection(outlier: OutlierDetection | undefined): JsonMap {
  if (outlier === undefined) return UNREACHABLE;
  const {
    consecutive5xxErrors = 5,
    consecutiveGatewayErrors,
    intervalMs = 10_000,
    baseEjectionTimeMs = 30_000,
  } = outlier;
  return {
    ...UNREACHABLE,
    ...limit('5xx', consecutive5xxErrors),
    ...(consecutiveGatewayErrors === undefined ? {} : limit('gateway_failure', consecutiveGatewayErrors)),
    interval: duration(intervalMs),
    base_ejection_time: duration(baseEjectionTimeMs),
    max_ejection_time: duration(Math.max(300_000, baseEjectionTimeMs)),
    max_ejection_percent: outlier.maxEjectionPercent ?? 10,
    // Ten percent of fewer than ten instances is none.
    ...(outlier.maxEjectionPercent === undefined ? { always_eject_one_host: true } : {}),
  };
}

function limit(kind: string, errors: number): JsonMap {
  if (errors === 0) return { [`enforcing_consecutive_${kind}`]: 0 };
  return { [`consecutive_${kind}`]: errors, [`enforcing_consecutive_${kind}`]: 100 };
}

/** Milliseconds as proto-JSON. */
export function duration(ms: number): string {
  return `${ms / 1000}s`;
}
