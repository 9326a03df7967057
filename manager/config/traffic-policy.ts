import type { OutlierDetection, SimpleLoadBalancer, TrafficPolicy } from '../model/config/destination-rule.ts';
import { compact } from '../model/util/compact.ts';
import type { Fields } from '../model/util/fields.ts';
import { duration } from './duration.ts';

/** LEAST_CONN is the old name of LEAST_REQUEST, which Istio still takes. */
const SIMPLE = ['ROUND_ROBIN', 'LEAST_REQUEST', 'RANDOM', 'PASSTHROUGH', 'UNSPECIFIED', 'LEAST_CONN'] as const;

/** Reads a `trafficPolicy`; undefined when it is absent. */
export function readTrafficPolicy(fields: Fields | undefined): TrafficPolicy | undefined {
  if (!fields) return undefined;
  const loadBalancer = readLoadBalancer(fields.map('loadBalancer'));
  const outlierDetection = readOutlierDetection(fields.map('outlierDetection'));
  fields.notYet(['connectionPool', 'tls', 'portLevelSettings', 'tunnel', 'proxyProtocol', 'retryBudget']);
  fields.unknown();
  return compact({ loadBalancer, outlierDetection });
}

function readLoadBalancer(fields: Fields | undefined): { readonly simple: SimpleLoadBalancer } | undefined {
  if (!fields) return undefined;
  const simple = fields.oneOf('simple', SIMPLE);
  fields.notYet(['consistentHash', 'localityLbSetting', 'warmupDurationSecs', 'warmup']);
  fields.unknown();
  if (simple === undefined) return undefined;
  return { simple: simple === 'LEAST_CONN' ? 'LEAST_REQUEST' : simple };
}

function readOutlierDetection(fields: Fields | undefined): OutlierDetection | undefined {
  if (!fields) return undefined;
  const most = 2 ** 32 - 1;
  const detection = compact({
    consecutive5xxErrors: fields.number('consecutive5xxErrors', 0, most),
    consecutiveGatewayErrors: fields.number('consecutiveGatewayErrors', 0, most),
    intervalMs: duration(fields, 'interval'),
    baseEjectionTimeMs: duration(fields, 'baseEjectionTime'),
    maxEjectionPercent: fields.number('maxEjectionPercent', 0, 100),
    minHealthPercent: fields.number('minHealthPercent', 0, 100),
  });
  if (fields.has('consecutiveErrors'))
    fields.fail('consecutiveErrors', 'was removed from Istio', 'try "consecutive5xxErrors"');
  fields.raw('consecutiveErrors');
  fields.notYet(['splitExternalLocalOriginErrors', 'consecutiveLocalOriginFailures']);
  fields.unknown();
  return detection;
}
