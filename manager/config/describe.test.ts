import test from 'ava';
import { kinds } from './index.ts';
import { readManifest } from './manifest.ts';

const WEB = 'x.mesh/ns/default/sa/web';
const SHOP = 'x.mesh/ns/default/sa/shop';

/** What a line of `isthmus get` says of an object, by its kind and spec. */
const cases: readonly [kind: string, spec: object, says: string][] = [
  ['AuthorizationPolicy', {}, 'all workloads: ALLOW nobody'],
  ['AuthorizationPolicy', { rules: [{}] }, 'all workloads: ALLOW everybody'],
  [
    'AuthorizationPolicy',
    {
      selector: { matchLabels: { app: 'a' } },
      action: 'DENY',
      rules: [{ from: [{ source: { principals: [WEB, SHOP] } }] }],
    },
    `app=a: DENY ${WEB} or ${SHOP}`,
  ],
  [
    'AuthorizationPolicy',
    { rules: [{ from: [{ source: { notPrincipals: [WEB] } }] }] },
    `all workloads: ALLOW everybody but not ${WEB}`,
  ],
  [
    'AuthorizationPolicy',
    { rules: [{ from: [{ source: { principals: [WEB] } }] }, { to: [{ operation: { ports: ['80', '81'] } }] }] },
    `all workloads: ALLOW ${WEB}; everybody, at port 80 or 81`,
  ],
  [
    'AuthorizationPolicy',
    {
      rules: [
        {
          from: [
            { source: { principals: ['*/sa/web'], namespaces: ['a', 'b'], notNamespaces: ['c'] } },
            { source: { namespaces: ['d'] } },
          ],
          to: [{ operation: { notPorts: ['80'] } }],
        },
      ],
    },
    'all workloads: ALLOW */sa/web in namespace a or b but not namespace c, namespace d, at every port but not 80',
  ],
  ['PeerAuthentication', { mtls: { mode: 'STRICT' } }, 'all workloads: STRICT'],
  [
    'PeerAuthentication',
    {
      selector: { matchLabels: { app: 'a' } },
      mtls: { mode: 'STRICT' },
      portLevelMtls: { 80: { mode: 'PERMISSIVE' } },
    },
    'app=a: STRICT, 80 PERMISSIVE',
  ],
  [
    'DestinationRule',
    {
      host: 'reviews',
      subsets: [{ name: 'v1', labels: { version: 'v1' } }],
      trafficPolicy: { loadBalancer: { simple: 'RANDOM' }, outlierDetection: { consecutive5xxErrors: 3 } },
    },
    'reviews: v1 RANDOM, ejects failing ones',
  ],
];

for (const [kindName, spec, says] of cases)
  test(`${kindName} ${JSON.stringify(spec)} says ${says}`, t => {
    const kind = kinds.find(each => each.kind === kindName)!;
    const apiVersion = `${kind.group}/${kind.versions[0]}`;
    const { parsed } = readManifest({ apiVersion, kind: kindName, metadata: { name: 'x' }, spec });
    t.is(kind.describe(parsed), says);
  });
