import test from 'ava';
import type { HttpRetry, HttpRoute } from '../../manager/model/config/virtual-service.ts';
import { Directory } from './destination.ts';
import { port, service, virtualService } from './fixtures.ts';
import { serviceRoutes } from './routes.ts';

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
    const { routes: made, problems } = serviceRoutes(
      { ...input.view, virtualServices: [routes] },
      port(9080),
      new Directory(new Map([['reviews.default.mesh', input]])),
    );
    t.deepEqual(problems, []);
    const [route] = made as unknown as { route: { retry_policy: Record<string, unknown> } }[];
    const policy = route!.route.retry_policy;
    t.deepEqual(Object.fromEntries(Object.keys(expected).map(key => [key, policy[key]])), expected);
    t.is('retriable_status_codes' in policy, 'retriable_status_codes' in expected);
  });

interface Route {
  readonly name?: string;
  readonly match: { readonly prefix?: string; readonly headers?: readonly { readonly name: string }[] };
  readonly route?: {
    readonly cluster?: string;
    readonly timeout: string;
    readonly weighted_clusters?: { readonly clusters: readonly { readonly name: string; readonly weight: number }[] };
    readonly retry_policy?: { readonly retry_on: string };
  };
  readonly direct_response?: { readonly status: number; readonly body: { readonly inline_string: string } };
}

const reviews = service('reviews', 1, [port(9080)]);
const OUT = 'out|reviews.default.mesh|9080|';

function compiled(...objects: (readonly HttpRoute[])[]): {
  routes: readonly Route[];
  problems: readonly string[];
  addresses: readonly string[];
} {
  const virtualServices = objects.map((http, index) => virtualService(`vs${index}`, http));
  const directory = new Directory(new Map([[reviews.view.service.hostname, reviews]]));
  const { routes, addresses, problems } = serviceRoutes({ ...reviews.view, virtualServices }, port(9080), directory);
  return { routes: routes as never, problems: problems.map(({ message }) => message), addresses };
}
const to = (host: string, weight?: number): HttpRoute['route'][number] => ({
  destination: { host },
  ...(weight !== undefined && { weight }),
});

test('a service is known by its addresses, both families', t => {
  t.deepEqual(compiled().addresses, ['240.240.0.1:9080', '[fdca::1]:9080']);
});

test('without config: to the service, safe methods retried more freely', t => {
  const { routes } = compiled();
  t.deepEqual(
    routes.map(({ match, route }) => [match.headers?.[0]?.name, route?.cluster, route?.retry_policy?.retry_on]),
    [
      [':method', OUT, 'connect-failure,refused-stream,reset-before-request,reset'],
      [undefined, OUT, undefined],
    ],
  );
});

test('VirtualServices follow one another in order, each route says where it is from', t => {
  const none = { attempts: 0 };
  const first = [{ name: 'a', match: [{ uri: { prefix: '/a' } }], route: [to('reviews')], retries: none }];
  const second = [{ match: [], route: [to('reviews')], retries: none, timeoutMs: 250 }];
  t.deepEqual(
    compiled(first, second).routes.map(({ name, match, route }) => [name, match.prefix, route?.timeout]),
    [
      ['VirtualService default/vs0 http[0] a', '/a', '0s'],
      ['VirtualService default/vs1 http[0]', '/', '0.25s'],
    ],
  );
});

test('a match of another port does not count; when none is left the service is served as without config', t => {
  const { routes } = compiled([{ match: [{ port: 81 }], route: [to('nobody')] }]);
  t.is(routes.at(-1)?.route?.cluster, OUT);
});

test('a match of this port counts; its headers hold for every route that is made of it', t => {
  const { routes } = compiled([
    { match: [{ port: 9080, headers: { 'end-user': { exact: 'a' } } }], route: [to('reviews')] },
  ]);
  t.deepEqual(
    routes.map(({ match }) => match.headers?.map(({ name }) => name)),
    [['end-user', ':method'], ['end-user']],
  );
});

test('a destination that stands alone gets all, whatever its weight', t => {
  t.is(compiled([{ match: [], route: [to('reviews', 0)] }]).routes[0]?.route?.cluster, OUT);
});

test('weights; a share that goes nowhere leaves the others', t => {
  const { routes, problems } = compiled([
    { match: [], route: [to('reviews', 90), to('nobody', 10), to('reviews', 0)] },
  ]);
  const shares = routes[0]?.route?.weighted_clusters?.clusters;
  t.deepEqual(
    shares?.map(({ weight }) => weight),
    [90, 10],
  );
  t.is(shares?.[0]?.name, OUT);
  t.deepEqual(problems, ['VirtualService default/vs0 sends this to nobody, which is no service here']);
});

test('a route that goes nowhere answers 503 with the reason', t => {
  for (const [route, reason] of [
    [[to('nobody')], /nobody, which is no service here/],
    [[to('reviews', 0), to('reviews', 0)], /all weights are 0/],
  ] as const) {
    const { routes } = compiled([{ match: [], route }]);
    t.is(routes[0]?.direct_response?.status, 503);
    t.regex(routes[0]?.direct_response?.body.inline_string ?? '', reason);
  }
});
