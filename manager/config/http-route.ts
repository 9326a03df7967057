import type { HttpMatch, HttpRetry, HttpRoute, RouteDestination } from '../model/config/virtual-service.ts';
import { compact } from '../model/util/compact.ts';
import { type Fields, nearest } from '../model/util/fields.ts';
import { duration } from './duration.ts';
import { readHost } from './host.ts';
import { readHeaderMatches, readStringMatch } from './string-match.ts';

/** Envoy's conditions, for HTTP and gRPC. */
const RETRY_CONDITIONS = [
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'envoy-ratelimited',
  'retriable-4xx',
  'refused-stream',
  'retriable-status-codes',
  'retriable-headers',
  'http3-post-connect-failure',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
];

/** Reads one entry of `spec.http`. */
export function readHttpRoute(fields: Fields): HttpRoute {
  const name = fields.string('name');
  const match = fields.list('match').map(readMatch);
  const route = fields.list('route').map(readDestination);
  const timeoutMs = duration(fields, 'timeout', 0);
  const retries = readRetries(fields.map('retries'));
  const instead = ['redirect', 'directResponse', 'delegate'];
  fields.notYet([...instead, 'rewrite', 'fault', 'mirror', 'mirrors', 'mirrorPercent', 'mirrorPercentage']);
  fields.notYet(['corsPolicy', 'headers']);
  fields.unknown();
  if (route.length === 0 && !instead.some(other => fields.has(other)))
    fields.fail('route', 'has no destination', 'give at least one');
  checkWeights(fields, route);
  return compact({ name, match, route: withWeights(route), timeoutMs, retries });
}

function readMatch(fields: Fields): HttpMatch {
  const match = compact({
    name: fields.string('name'),
    uri: readStringMatch(fields, 'uri'),
    method: readStringMatch(fields, 'method'),
    authority: readStringMatch(fields, 'authority'),
    headers: readHeaderMatches(fields, 'headers'),
    ignoreUriCase: fields.boolean('ignoreUriCase'),
    port: fields.port('port'),
  });
  fields.notYet([
    'scheme',
    'sourceLabels',
    'sourceNamespace',
    'gateways',
    'queryParams',
    'withoutHeaders',
    'statPrefix',
  ]);
  fields.unknown();
  return match;
}

function readDestination(fields: Fields): RouteDestination {
  const destination = fields.map('destination');
  const weight = fields.number('weight', 0, 2 ** 31 - 1);
  fields.notYet(['headers']);
  fields.unknown();
  if (!destination) {
    if (!fields.has('destination')) fields.fail('destination', 'is missing', 'try {host: "reviews"}');
    return { destination: { host: '' } };
  }
  const host = readHost(destination, 'name the service');
  const port = destination.map('port');
  const number = port?.port('number');
  if (port && !port.has('number')) port.fail('number', 'is missing');
  port?.unknown();
  const subset = destination.string('subset');
  destination.unknown();
  return compact({
    destination: compact({ host, subset, port: number === undefined ? undefined : { number } }),
    weight,
  });
}

/** As Istio: any weights do, they are shares of their sum; a lone destination needs none. */
function checkWeights(fields: Fields, route: readonly RouteDestination[]): void {
  const sum = route.reduce((total, { weight }) => total + (weight ?? 0), 0);
  if (route.length > 1 && sum === 0)
    fields.fail('route', 'has several destinations and no weight above 0', 'give each a weight, such as 90 and 10');
  if (sum > 2 ** 32 - 1) fields.fail('route', `has weights that add up to ${sum}`, 'at most 4294967295');
}

/** Says of each destination what it gets: among several, one without a weight gets nothing. */
function withWeights(route: readonly RouteDestination[]): readonly RouteDestination[] {
  if (route.length === 1) return route.map(({ destination }) => ({ destination, weight: 1 }));
  return route.map(({ destination, weight }) => ({ destination, weight: weight ?? 0 }));
}

function readRetries(fields: Fields | undefined): HttpRetry | undefined {
  if (!fields) return undefined;
  const attempts = fields.number('attempts', 0, 1_000);
  if (!fields.has('attempts')) fields.fail('attempts', 'is missing', 'try 2; 0 for none');
  const perTryTimeoutMs = duration(fields, 'perTryTimeout');
  const retryOn = fields.string('retryOn');
  fields.notYet(['retryRemoteLocalities', 'retryIgnorePreviousHosts', 'backoff']);
  fields.unknown();
  for (const condition of retryOn?.split(',').map(part => part.trim()) ?? []) {
    const isStatus = /^[1-5]\d\d$/.test(condition);
    if (isStatus || RETRY_CONDITIONS.includes(condition)) continue;
    const near = nearest(condition, RETRY_CONDITIONS);
    fields.fail(
      'retryOn',
      `"${condition}" is no condition`,
      near ? `did you mean "${near}"?` : `known: ${RETRY_CONDITIONS.join(', ')}, and HTTP status codes`,
    );
  }
  return compact({ attempts: attempts ?? 0, perTryTimeoutMs, retryOn });
}
