import test from 'ava';
import { parseDuration } from './duration.ts';
import { readFile } from './files.ts';
import { re2Problem } from './re2.ts';

/** Objects as people write them, and what their kinds make of them. */
const accepted: readonly [string, string, unknown][] = [
  [
    'a canary by weights, with a test group by header',
    `
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata:
  name: reviews
  namespace: shop
  labels: {app.kubernetes.io/part-of: bookinfo}
  annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}"}
spec:
  hosts:
    - reviews
    - reviews.service.consul
  exportTo: ["*"]
  gateways: [mesh]
  http:
    - name: testers
      match:
        - headers: {End-User: {exact: jason}, x-debug: {}}
          uri: {prefix: /reviews}
          port: 9080
        - method: {regex: "GET|HEAD"}
          ignoreUriCase: true
      route:
        - destination: {host: reviews, subset: v3, port: {number: 9080}}
      timeout: 1.5s
      retries: {attempts: 3, perTryTimeout: 300ms, retryOn: "gateway-error, connect-failure,503"}
    - route:
        - destination: {host: reviews, subset: v1}
          weight: 90
        - destination: {host: reviews, subset: v2}
          weight: 10
        - destination: {host: reviews-dark}
      timeout: 0s
`,
    {
      hosts: ['reviews', 'reviews.service.consul'],
      http: [
        {
          name: 'testers',
          match: [
            {
              headers: { 'end-user': { exact: 'jason' }, 'x-debug': { regex: '.*' } },
              uri: { prefix: '/reviews' },
              port: 9080,
            },
            { method: { regex: 'GET|HEAD' }, ignoreUriCase: true },
          ],
          route: [{ destination: { host: 'reviews', subset: 'v3', port: { number: 9080 } }, weight: 1 }],
          timeoutMs: 1500,
          retries: { attempts: 3, perTryTimeoutMs: 300, retryOn: 'gateway-error, connect-failure,503' },
        },
        {
          match: [],
          route: [
            { destination: { host: 'reviews', subset: 'v1' }, weight: 90 },
            { destination: { host: 'reviews', subset: 'v2' }, weight: 10 },
            { destination: { host: 'reviews-dark' }, weight: 0 },
          ],
          timeoutMs: 0,
        },
      ],
    },
  ],
  [
    'subsets and ejection',
    `
apiVersion: networking.istio.io/v1alpha3
kind: DestinationRule
metadata: {name: reviews, uid: 0b1, generation: 3, creationTimestamp: "2026-01-01T00:00:00Z", managedFields: []}
spec:
  host: reviews.shop.svc.cluster.local
  trafficPolicy:
    loadBalancer: {simple: LEAST_CONN}
    outlierDetection: {consecutive5xxErrors: 0, interval: 1m30s, baseEjectionTime: 30s, maxEjectionPercent: 100}
  subsets:
    - name: v1
      labels: {version: v1, app.kubernetes.io/name: reviews}
      trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}
    - {name: all}
status: {}
`,
    {
      host: 'reviews.shop.svc.cluster.local',
      trafficPolicy: {
        loadBalancer: { simple: 'LEAST_REQUEST' },
        outlierDetection: {
          consecutive5xxErrors: 0,
          intervalMs: 90_000,
          baseEjectionTimeMs: 30_000,
          maxEjectionPercent: 100,
        },
      },
      subsets: [
        {
          name: 'v1',
          labels: { version: 'v1', 'app.kubernetes.io/name': 'reviews' },
          trafficPolicy: { loadBalancer: { simple: 'ROUND_ROBIN' } },
        },
        { name: 'all', labels: {} },
      ],
    },
  ],
  [
    'strict, but for one port',
    `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: strict}
spec:
  selector: {matchLabels: {app: reviews}}
  mtls: {mode: STRICT}
  portLevelMtls: {8080: {mode: PERMISSIVE}, "9090": {}}
`,
    {
      selector: { matchLabels: { app: 'reviews' } },
      mtls: { mode: 'STRICT' },
      portLevelMtls: { '8080': { mode: 'PERMISSIVE' }, '9090': { mode: 'UNSET' } },
    },
  ],
  [
    'nothing said at all: nobody may call',
    'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: nobody}\nspec: {}',
    { action: 'ALLOW', rules: [] },
  ],
  [
    'an object without a spec',
    '{"apiVersion": "security.istio.io/v1beta1", "kind": "PeerAuthentication", "metadata": {"name": "default"}}',
    { mtls: { mode: 'UNSET' }, portLevelMtls: {} },
  ],
  [
    'who may call which port',
    `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: reviews}
spec:
  action: DENY
  selector: {matchLabels: {}}
  rules:
    - from:
        - source: {principals: [isthmus.mesh/ns/shop/sa/web, "*/sa/batch", "isthmus.mesh/*", "isthmus.mesh/ns/s*", "isthmus.mesh/ns/shop/sa/w*", "i*", "*"], notNamespaces: [test-*]}
        - source: {namespaces: [shop]}
      to:
        - operation: {ports: ["9080"], notPorts: ["9090"]}
    - {}
`,
    {
      action: 'DENY',
      rules: [
        {
          from: [
            {
              source: {
                principals: [
                  'isthmus.mesh/ns/shop/sa/web',
                  '*/sa/batch',
                  'isthmus.mesh/*',
                  'isthmus.mesh/ns/s*',
                  'isthmus.mesh/ns/shop/sa/w*',
                  'i*',
                  '*',
                ],
                notNamespaces: ['test-*'],
              },
            },
            { source: { namespaces: ['shop'] } },
          ],
          to: [{ operation: { ports: ['9080'], notPorts: ['9090'] } }],
        },
        {},
      ],
    },
  ],
];

for (const [what, text, spec] of accepted)
  test(`accepted: ${what}`, t => {
    const { objects, errors } = readFile(text, 'x.yaml');
    t.deepEqual(errors, []);
    t.is(objects.length, 1);
    t.deepEqual(objects[0]?.manifest.parsed, spec);
  });

test('durations as Go writes them', t => {
  for (const [text, ms] of [
    ['5s', 5_000],
    ['1.5s', 1_500],
    ['300ms', 300],
    ['0.1ms', 1],
    ['0.0001s', 1],
    ['1.4ms', 1],
    ['1h30m', 5_400_000],
    ['0', 0],
    ['0s', 0],
    ['0.0ms', 0],
  ] as const)
    t.is(parseDuration(text), ms, text);
  for (const text of ['', '5', 's', '-5s', '5 s', '5sec', '1e3s', '5s ', '.5s', '5us'])
    t.is(parseDuration(text), undefined, text);
});

test('regular expressions of RE2 that JavaScript writes otherwise, or not at all', t => {
  for (const pattern of [
    '(?i)abc',
    '(?P<id>\\d+)',
    '[[:alpha:]]+',
    '^/a\\Q.(\\E$',
    '\\Aa\\z',
    '(?i:a)b',
    'a{1000}',
    '\\pL+',
    '[(?=]',
    '\\\\1',
    '\\.',
    'a{,3}',
    '[]a]',
    '\\p{Greek}\\P{^Lu}',
    '\\x41\\x{e9}\\07',
    '[[:^word:]\\w-]',
    '((a{10}){10}){10}',
    'a{1000}b{1000}',
  ])
    t.is(re2Problem(pattern), undefined, pattern);
  for (const pattern of ['a(?!b)', '(?<=a)b', '(a)\\1', 'a++', '(?>a)', 'a{1001}', '*a', '[a', 'a)', '\\k<a>', '\\Z'])
    t.not(re2Problem(pattern), undefined, pattern);
  // JavaScript reads these as something else.
  for (const pattern of [
    '\\u0041',
    '\\e',
    '\\xZ',
    '\\cA',
    '\\p',
    '\\p{Script=Latin}',
    'a\\E',
    '[\\b]',
    '[\\A]',
    '[[:foo:]]',
  ])
    t.not(re2Problem(pattern), undefined, pattern);
  for (const pattern of ['((a{10}){10}){11}', '(a{2,}){501}', '(a{0,100}b){11}'])
    t.not(re2Problem(pattern), undefined, pattern);
});
