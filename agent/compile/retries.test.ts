import test from 'ava';
import type { HttpRetry } from '../../manager/model/config/virtual-service.ts';
import { DEFAULT_RETRIES, withRetries } from './retries.ts';

interface RetryPolicy {
  readonly retry_on?: string;
  readonly num_retries?: number;
  readonly per_try_timeout?: string;
}

interface Route {
  readonly match: {
    readonly headers?: readonly { readonly string_match: { readonly safe_regex: { readonly regex: string } } }[];
  };
  readonly route: { readonly retry_policy?: RetryPolicy };
}

/** How a request of a method is sent again: by the first route that takes it. */
function policyFor(method: string, retries?: HttpRetry): RetryPolicy {
  const routes = withRetries({}, { route: { cluster: 'c' } }, retries) as unknown as readonly Route[];
  const takes = ({ match }: Route): boolean =>
    // Envoy's regular expressions match the whole of a value.
    (match.headers ?? []).every(each => new RegExp(`^(?:${each.string_match.safe_regex.regex})$`).test(method));
  return routes.find(takes)!.route.retry_policy ?? (DEFAULT_RETRIES as unknown as RetryPolicy);
}

const NOT_REACHED = 'connect-failure,refused-stream,reset-before-request';

const METHODS: readonly (readonly [method: string, isSafe: boolean])[] = [
  ['GET', true],
  ['HEAD', true],
  ['OPTIONS', true],
  ['TRACE', true],
  ['POST', false],
  ['PUT', false],
  ['PATCH', false],
  ['DELETE', false],
  ['CONNECT', false],
  ['GETAWAY', false],
];

for (const [method, isSafe] of METHODS)
  test(`a ${method} that may have reached the instance is ${isSafe ? '' : 'not '}sent again`, t => {
    for (const retries of [undefined, { attempts: 3 }])
      t.is(policyFor(method, retries).retry_on, isSafe ? `${NOT_REACHED},reset` : NOT_REACHED);
  });

for (const method of ['GET', 'POST'])
  test(`a ${method} is sent again as often as was said, and on what was said`, t => {
    t.like(policyFor(method, { attempts: 3, perTryTimeoutMs: 500 }), { num_retries: 3, per_try_timeout: '0.5s' });
    t.like(policyFor(method, { attempts: 2, retryOn: '5xx' }), { num_retries: 2, retry_on: '5xx' });
    t.deepEqual(policyFor(method, { attempts: 0 }), { num_retries: 0 });
  });
