import type { ConfigObject } from './object.ts';

/** Istio's `simple` load balancers. */
export type SimpleLoadBalancer = 'ROUND_ROBIN' | 'LEAST_REQUEST' | 'RANDOM' | 'PASSTHROUGH' | 'UNSPECIFIED';

/** When an instance that fails is left out for a while. */
export interface OutlierDetection {
  readonly consecutive5xxErrors?: number;
  readonly consecutiveGatewayErrors?: number;
  /** Milliseconds. */
  readonly intervalMs?: number;
  readonly baseEjectionTimeMs?: number;
  /** Percent, 0–100. */
  readonly maxEjectionPercent?: number;
  readonly minHealthPercent?: number;
}

/** How instances of a service, or of a subset, are called. */
export interface TrafficPolicy {
  readonly loadBalancer?: { readonly simple: SimpleLoadBalancer };
  readonly outlierDetection?: OutlierDetection;
}

export interface Subset {
  readonly name: string;
  /** Instances that carry all of these labels. */
  readonly labels: Readonly<Record<string, string>>;
  readonly trafficPolicy?: TrafficPolicy;
}

/** `networking.istio.io/v1` DestinationRule, as far as it is built. */
export interface DestinationRuleSpec {
  readonly host: string;
  readonly trafficPolicy?: TrafficPolicy;
  readonly subsets: readonly Subset[];
}

export type DestinationRule = ConfigObject<'DestinationRule', DestinationRuleSpec>;
