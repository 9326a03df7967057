import type { HttpMatch, HttpRetry } from '../../manager/model/config/virtual-service.ts';
import { duration } from './clusters.ts';
import { routeMatch } from './match.ts';
import { typed } from './names.ts';
import type { JsonMap } from './resource.ts';

/** Conditions that are safe for any method: nothing of the request had reached the instance. */
const NOT_REACHED = 'connect-failure,refused-stream,reset-before-request';
/** Methods that change nothing, by RFC 9110: those may be sent again also when it is not known how far they came. */
const SAFE_METHODS = 'GET|HEAD|OPTIONS|TRACE';
/** With the pauses between them enough to outlast the restart of a proxy. */
const ATTEMPTS = 10;

/** What holds for a request of a route that says nothing else. */
export const DEFAULT_RETRIES: JsonMap = retryPolicy({ attempts: ATTEMPTS });
const SAFE = `${NOT_REACHED},reset`;

/**
 * A route for a match, or two of them: where nobody said on what to retry, safe methods are retried more freely. Through a tunnel this matters:
 * a far host that is gone looks like a connection that broke after the request was sent. So does an attempt that takes too long.
 *
 * @param rest of the route, without its match.
 */
export function withRetries(match: HttpMatch, rest: JsonMap, retries?: HttpRetry): JsonMap[] {
  const { route } = rest as { readonly route?: JsonMap };
  if (route === undefined) return [{ ...rest, match: routeMatch(match) }];
  const all = routeMatch(match);
  const said = retries === undefined ? route : { ...route, retry_policy: retryPolicy(retries) };
  const rule = { ...rest, match: all, route: said };
  if (retries?.retryOn !== undefined || retries?.attempts === 0) return [rule];
  const { headers = [] } = all as { readonly headers?: readonly JsonMap[] };
  const safe = {
    ...all,
    headers: [...headers, { name: ':method', string_match: { safe_regex: { regex: SAFE_METHODS } } }],
  };
  const freely = retryPolicy({ attempts: ATTEMPTS, ...retries, retryOn: SAFE });
  return [{ ...rest, match: safe, route: { ...route, retry_policy: freely } }, rule];
}

function retryPolicy({ attempts, perTryTimeoutMs, retryOn = NOT_REACHED }: HttpRetry): JsonMap {
  if (attempts === 0) return { num_retries: 0 };
  const previous = typed('retry.host.previous_hosts.v3.PreviousHostsPredicate');
  const conditions = retryOn.split(',').map(condition => condition.trim());
  const statuses = conditions.filter(condition => /^\d+$/.test(condition)).map(Number);
  const named = conditions.filter(condition => !/^\d+$/.test(condition));
  return {
    // Istio's users write statuses among the conditions; Envoy has a list of its own for them.
    retry_on: [...named, ...(statuses.length === 0 ? [] : ['retriable-status-codes'])].join(','),
    ...(statuses.length === 0 ? {} : { retriable_status_codes: statuses }),
    num_retries: attempts,
    ...(perTryTimeoutMs === undefined ? {} : { per_try_timeout: duration(perTryTimeoutMs) }),
    retry_host_predicate: [{ name: 'previous', typed_config: previous }],
    // A balancer that counts requests likes instances that fail at once; it has to be asked again and again for another.
    host_selection_retry_max_attempts: 30,
    retry_back_off: { base_interval: '0.025s', max_interval: '0.5s' },
  };
}
