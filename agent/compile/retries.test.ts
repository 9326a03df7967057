import test from 'ava';
import { DEFAULT_RETRIES, withRetries } from './retries.ts';

interface RetryPolicy {
  readonly retry_on: string;
}

interface Route {
  readonly match: {
    readonly headers?: readonly { readonly string_match: { readonly safe_regex: { readonly regex: string } } }[];
  };
  readonly route: { readonly retry_policy?: RetryPolicy };
}

/** On what a request of a method is sent again, where nobody said how to retry: of the first route that takes it. */
function retriedOn(method: string): readonly string[] {
  const routes = withRetries({}, { route: { cluster: 'c' } }) as unknown as readonly Route[];
  const takes = ({ match }: Route): boolean =>
    // Envoy's regular expressions match the whole of a value.
    (match.headers ?? []).every(each => new RegExp(`^(?:${each.string_match.safe_regex.regex})$`).test(method));
  const policy = routes.find(takes)!.route.retry_policy ?? (DEFAULT_RETRIES as unknown as RetryPolicy);
  return policy.retry_on.split(',');
}

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
    const notReached = ['connect-failure', 'refused-stream', 'reset-before-request'];
    t.deepEqual(retriedOn(method), isSafe ? [...notReached, 'reset'] : notReached);
  });
