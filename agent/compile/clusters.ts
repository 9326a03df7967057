import type {
  OutlierDetection,
  SimpleLoadBalancer,
  TrafficPolicy,
} from '../../manager/model/config/destination-rule.ts';
import type { Protocol } from '../../manager/model/service.ts';
import { INSIDE } from './endpoints.ts';
import { internalSocket, PLAINTEXT } from './filters.ts';
import { ADS, METADATA } from './names.ts';
import type { JsonMap } from './resource.ts';
import { LIMITS, upstreamProtocol } from './upstream.ts';

const SOCKETS: readonly JsonMap[] = [
  { name: 'inside', match: INSIDE, transport_socket: internalSocket(METADATA) },
  { name: 'direct', match: {}, transport_socket: PLAINTEXT },
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
  /** Canonical hostname. */
  readonly service: string;
  /** The name that statistics go by. */
  readonly statistics: string;
  readonly protocol: Protocol;
  readonly policy: TrafficPolicy | undefined;
}

/** A cluster whose instances come by EDS. */
export function cluster({ name, service, statistics, protocol, policy }: ClusterOptions): JsonMap {
  const outlier = policy?.outlierDetection;
  return {
    name,
    ...(name === statistics ? {} : { alt_stat_name: statistics }),
    type: 'EDS',
    connect_timeout: '5s',
    eds_cluster_config: { service_name: name, eds_config: ADS },
    lb_policy: BALANCERS[policy?.loadBalancer?.simple ?? 'UNSPECIFIED'],
    // Unhealthy instances get traffic only when no other is left (the least that Envoy can be told is one percent).
    metadata: { filter_metadata: { [METADATA]: { service } } },
    common_lb_config: { healthy_panic_threshold: { value: outlier?.minHealthPercent ?? 1 } },
    transport_socket_matches: SOCKETS,
    circuit_breakers: LIMITS,
    ...(outlier === undefined ? {} : { outlier_detection: outlierDetection(outlier) }),
    ...upstreamProtocol(protocol),
  };
}

/** As Istio: what is not said is Envoy's default, 0 errors switches that kind off, and only errors in a row eject. */
function outlierDetection(outlier: OutlierDetection): JsonMap {
  const { consecutive5xxErrors, consecutiveGatewayErrors, intervalMs, baseEjectionTimeMs, maxEjectionPercent } =
    outlier;
  return {
    enforcing_success_rate: 0,
    ...(consecutive5xxErrors === undefined ? {} : limit('5xx', consecutive5xxErrors)),
    ...(consecutiveGatewayErrors === undefined ? {} : limit('gateway_failure', consecutiveGatewayErrors)),
    ...(intervalMs === undefined ? {} : { interval: duration(intervalMs) }),
    ...(baseEjectionTimeMs === undefined ? {} : { base_ejection_time: duration(baseEjectionTimeMs) }),
    ...(maxEjectionPercent === undefined ? {} : { max_ejection_percent: maxEjectionPercent }),
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
