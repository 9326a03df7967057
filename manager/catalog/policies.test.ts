import test from 'ava';
import type { AuthorizationPolicy, PeerAuthentication } from '../model/config/security.ts';
import { Policies } from './policies.ts';

type Policy = AuthorizationPolicy | PeerAuthentication;

interface Aim {
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly created?: string;
  readonly kind?: Policy['kind'];
  readonly note?: string;
}

function policy(
  name: string,
  { namespace = 'shop', labels, created = '2026-01-01', kind, note = '' }: Aim = {},
): Policy {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: kind ?? 'AuthorizationPolicy',
    metadata: {
      name,
      namespace,
      labels: {},
      annotations: { note },
      resourceVersion: note,
      creationTimestamp: `${created}T00:00:00Z`,
    },
    spec: {
      ...(kind === 'PeerAuthentication' ? { mtls: { mode: 'STRICT' } } : { action: 'ALLOW', rules: [] }),
      ...(labels && { selector: { matchLabels: labels } }),
    },
  } as unknown as Policy;
}

const WEB = { uid: 'a/shop/web', namespace: 'shop', labels: { app: 'web', version: 'v1' } };

const AIMED: readonly [what: string, aim: Aim, holds: boolean][] = [
  ['its namespace', {}, true],
  ['another namespace', { namespace: 'bank' }, false],
  ['the whole mesh', { namespace: 'isthmus-system' }, true],
  ['its labels', { labels: { app: 'web' } }, true],
  ['all of several labels', { labels: { app: 'web', version: 'v1' } }, true],
  ['some of its labels', { labels: { app: 'web', version: 'v2' } }, false],
  ['its labels in another namespace', { namespace: 'bank', labels: { app: 'web' } }, false],
  ['its labels in the whole mesh', { namespace: 'isthmus-system', labels: { app: 'web' } }, true],
  ['labels that it lacks', { labels: { tier: 'front' } }, false],
];

for (const [what, aim, holds] of AIMED)
  test(`a policy for ${what} ${holds ? 'holds' : 'does not hold'}`, t => {
    const policies = new Policies('isthmus.mesh');
    const chooses = policies.set('key', policy('p', aim));
    t.is(chooses?.(WEB), holds);
    t.is(policies.of(WEB).authorization.length, holds ? 1 : 0);
  });

test('a policy that moves to other workloads is a change for those that it leaves and those that it comes to', t => {
  const policies = new Policies('isthmus.mesh');
  policies.set('key', policy('p', { labels: { app: 'web' } }));
  const chooses = policies.set('key', policy('p', { labels: { app: 'cart' } }))!;
  t.true(chooses(WEB));
  t.true(chooses({ namespace: 'shop', labels: { app: 'cart' } }));
  t.false(chooses({ namespace: 'shop', labels: { app: 'else' } }));
  t.true(policies.set('key', undefined)!({ namespace: 'shop', labels: { app: 'cart' } }), 'one that goes too');
  t.is(policies.set('key', undefined), undefined);
});

test('the narrowest comes first, of equals the oldest', t => {
  const policies = new Policies('isthmus.mesh');
  const kind = 'PeerAuthentication';
  policies.set('1', policy('mesh', { kind, namespace: 'isthmus-system' }));
  policies.set('2', policy('young', { kind, created: '2026-02-01' }));
  policies.set('3', policy('old', { kind, created: '2026-01-01' }));
  policies.set('4', policy('workload', { kind, labels: { app: 'web' }, created: '2026-03-01' }));
  policies.set('5', policy('authorization'));
  const names = policies.of(WEB).peerAuthentication.map(({ metadata }) => metadata.name);
  t.deepEqual(names, ['workload', 'old', 'young', 'mesh']);
  t.deepEqual(
    policies.of(WEB).authorization.map(({ metadata }) => metadata.name),
    ['authorization'],
  );
});

const REVISIONS: readonly [what: string, after: Policy | undefined, same: boolean][] = [
  ['is written anew without a change', policy('p', { note: 'again' }), true],
  ['changes what it decides', { ...policy('p'), spec: { action: 'DENY', rules: [] } } as unknown as Policy, false],
  ['goes', undefined, false],
];

for (const [what, after, same] of REVISIONS)
  test(`the revision ${same ? 'stays' : 'changes'} when a policy ${what}`, t => {
    const policies = new Policies('isthmus.mesh');
    policies.set('key', policy('p'));
    const before = policies.of(WEB).revision;
    policies.set('key', after);
    t.is(policies.of(WEB).revision === before, same);
  });

test("cluster.local is the mesh's own trust domain in principals, as in Istio, and other ones are what they are", t => {
  const policies = new Policies('isthmus.mesh');
  const as = (domain: string, ending = 'ns/shop/sa/web'): string => `${domain}/${ending}`;
  const source = (domain: string): object => ({
    principals: [as(domain), as(domain, 'ns/a*'), '*/sa/cart', '*'],
    notPrincipals: [as(domain, 'ns/b/sa/c'), 'cluster.localhost/ns/a/sa/b', 'old.example/ns/a/sa/b'],
    namespaces: ['cluster.local'],
  });
  const to = [{ operation: { ports: ['80'] } }];
  const spec = (domain: string): object => ({
    action: 'DENY',
    rules: [{ from: [{ source: source(domain) }, { source: { namespaces: ['shop'] } }], to }, {}],
  });
  policies.set('key', { ...policy('p'), spec: spec('cluster.local') } as AuthorizationPolicy);
  t.deepEqual(policies.of(WEB).authorization[0]?.spec as unknown, spec('isthmus.mesh'));
});
