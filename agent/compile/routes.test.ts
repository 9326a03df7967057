import test from 'ava';
import type { HttpRetry } from '../../manager/model/config/virtual-service.ts';
import { Directory } from './destination.ts';
import { port, service, virtualService } from './fixtures.ts';
import { virtualHost } from './routes.ts';

const cases: readonly [string, HttpRetry, Readonly<Record<string, unknown>>][] = [
  ['conditions are Envoy’s', { attempts: 2, retryOn: 'reset, 5xx' }, { retry_on: 'reset,5xx', num_retries: 2 }],
  [
    'statuses have a list of their own',
    { attempts: 3, retryOn: 'connect-failure,503, 429', perTryTimeoutMs: 250 },
    {
      retry_on: 'connect-failure,retriable-status-codes',
      retriable_status_codes: [503, 429],
      num_retries: 3,
      per_try_timeout: '0.25s',
    },
  ],
  ['none', { attempts: 0 }, { num_retries: 0 }],
];

for (const [what, retries, expected] of cases)
  test(`retries: ${what}`, t => {
    const input = service('reviews', 1, [port(9080)]);
    const routes = virtualService('reviews', [
      { match: [], route: [{ destination: { host: 'reviews.default.mesh' } }], retries },
    ]);
    const { body, problems } = virtualHost(
      { ...input.view, virtualServices: [routes] },
      port(9080),
      new Directory(new Map([['reviews.default.mesh', input]])),
    );
    t.deepEqual(problems, []);
    const [route] = body['routes'] as { route: { retry_policy: Record<string, unknown> } }[];
    const policy = route!.route.retry_policy;
    t.deepEqual(Object.fromEntries(Object.keys(expected).map(key => [key, policy[key]])), expected);
    t.is('retriable_status_codes' in policy, 'retriable_status_codes' in expected);
  });
