import test from 'ava';
import type { AuthorizationPolicy, AuthorizationRule } from '../../manager/model/config/security.ts';
import { authorization } from './authorization.ts';
import { decide } from './decide.ts';
import { atPort } from './expression.ts';

const WEB = 'spiffe://isthmus.mesh/ns/default/sa/web';
const BATCH = 'spiffe://isthmus.mesh/ns/jobs/sa/batch';
const HOST = 'spiffe://isthmus.mesh/host/a';

function policy(action: 'ALLOW' | 'DENY', ...rules: AuthorizationRule[]): AuthorizationPolicy {
  const metadata = { name: 'p', namespace: 'default', labels: {}, annotations: {} };
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { ...metadata, resourceVersion: '1', creationTimestamp: '' },
    spec: { action, rules },
  };
}
const from = (source: NonNullable<AuthorizationRule['from']>[number]['source']): AuthorizationRule => ({
  from: [{ source }],
});
const to = (operation: NonNullable<AuthorizationRule['to']>[number]['operation']): AuthorizationRule => ({
  to: [{ operation }],
});
const web = from({ principals: ['isthmus.mesh/ns/default/sa/web'] });

interface Case {
  readonly name: string;
  readonly policies: readonly AuthorizationPolicy[];
  /** Callers by what is expected; `undefined` is a caller without identity. On port 8080 unless told otherwise. */
  readonly allowed?: readonly (string | undefined)[];
  readonly refused?: readonly (string | undefined)[];
  readonly port?: number;
}

const CASES: readonly Case[] = [
  { name: 'no policy allows all', policies: [], allowed: [WEB, undefined] },
  { name: 'ALLOW without rules allows nothing', policies: [policy('ALLOW')], refused: [WEB, undefined] },
  { name: 'DENY without rules refuses nothing', policies: [policy('DENY')], allowed: [WEB, undefined] },
  { name: 'an empty rule matches all', policies: [policy('ALLOW', {})], allowed: [WEB, undefined] },
  { name: 'an empty DENY rule refuses all', policies: [policy('DENY', {})], refused: [WEB, undefined] },
  { name: 'exact principal', policies: [policy('ALLOW', web)], allowed: [WEB], refused: [BATCH, HOST, undefined] },
  {
    name: 'a principal is compared whole',
    policies: [policy('ALLOW', web)],
    refused: [`${WEB}2`, WEB.slice(0, -1), WEB.slice('spiffe://'.length)],
  },
  {
    name: 'prefix',
    policies: [policy('ALLOW', from({ principals: ['isthmus.mesh/ns/default/*'] }))],
    allowed: [WEB],
    refused: [BATCH, undefined],
  },
  {
    name: 'suffix',
    policies: [policy('ALLOW', from({ principals: ['*/sa/web'] }))],
    allowed: [WEB],
    refused: [BATCH, undefined],
  },
  {
    name: '* is any caller with an identity',
    policies: [policy('ALLOW', from({ principals: ['*'] }))],
    allowed: [WEB, BATCH],
    refused: [undefined],
  },
  {
    name: 'not * is a caller without one',
    policies: [policy('DENY', from({ notPrincipals: ['*'] }))],
    allowed: [WEB],
    refused: [undefined],
  },
  {
    name: 'notPrincipals alone allows all others, also without identity',
    policies: [policy('ALLOW', from({ notPrincipals: ['isthmus.mesh/ns/jobs/sa/batch'] }))],
    allowed: [WEB, undefined],
    refused: [BATCH],
  },
  {
    name: 'namespaces come from the identity',
    policies: [policy('ALLOW', from({ namespaces: ['jobs'] }))],
    allowed: [BATCH],
    refused: [WEB, HOST, undefined],
  },
  {
    name: 'namespaces by prefix and suffix',
    policies: [policy('ALLOW', from({ namespaces: ['jo*', '*fault'] }))],
    allowed: [BATCH, WEB],
    refused: [undefined],
  },
  {
    name: 'notNamespaces',
    policies: [policy('ALLOW', from({ notNamespaces: ['jobs'] }))],
    allowed: [WEB, undefined],
    refused: [BATCH],
  },
  {
    name: 'all fields of a source must match',
    policies: [policy('ALLOW', from({ principals: ['*/sa/web', '*/sa/batch'], namespaces: ['jobs'] }))],
    allowed: [BATCH],
    refused: [WEB],
  },
  {
    name: 'one of several sources is enough',
    policies: [
      policy('ALLOW', { from: [{ source: { namespaces: ['jobs'] } }, { source: { principals: ['*/web'] } }] }),
    ],
    allowed: [WEB, BATCH],
    refused: [undefined],
  },
  {
    name: 'one of several rules and policies is enough',
    policies: [policy('ALLOW', from({ namespaces: ['none'] }), web), policy('ALLOW', from({ namespaces: ['jobs'] }))],
    allowed: [WEB, BATCH],
    refused: [undefined],
  },
  {
    name: 'DENY comes before ALLOW',
    policies: [policy('ALLOW', {}), policy('DENY', web)],
    allowed: [BATCH, undefined],
    refused: [WEB],
  },
  { name: 'a port that is named', policies: [policy('ALLOW', to({ ports: ['8080'] }))], allowed: [undefined] },
  { name: 'another port', policies: [policy('ALLOW', to({ ports: ['8080'] }))], port: 9090, refused: [WEB, undefined] },
  { name: 'notPorts', policies: [policy('DENY', to({ notPorts: ['8080'] }))], port: 9090, refused: [WEB] },
  { name: 'notPorts, that port', policies: [policy('DENY', to({ notPorts: ['8080'] }))], allowed: [WEB] },
  {
    name: 'from and to must both match',
    policies: [policy('DENY', { ...web, ...to({ ports: ['9090'] }) })],
    port: 9090,
    allowed: [BATCH],
    refused: [WEB],
  },
  {
    name: 'an empty list is no condition',
    policies: [policy('ALLOW', from({ principals: [] }))],
    allowed: [undefined],
  },
];

for (const { name, policies, allowed = [], refused = [], port = 8080 } of CASES) {
  test(name, t => {
    const expression = authorization(policies);
    const atThisPort = atPort(expression, port);
    for (const [callers, expected] of [[allowed, true] as const, [refused, false] as const]) {
      for (const principal of callers) {
        const call = { port, ...(principal === undefined ? {} : { principal }) };
        t.is(decide(expression, call), expected, principal ?? 'no identity');
        t.is(
          decide(atThisPort, { ...call, port: 1 }),
          expected,
          `${principal ?? 'no identity'}, once the port is known`,
        );
      }
    }
  });
}

test('what cannot change the outcome is left out', t => {
  t.deepEqual(atPort(authorization([policy('ALLOW', { ...web, ...to({ ports: ['8080'] }) })]), 8080), {
    kind: 'principal',
    match: { kind: 'exact', text: 'isthmus.mesh/ns/default/sa/web' },
  });
  t.deepEqual(atPort(authorization([policy('ALLOW', { ...web, ...to({ ports: ['8080'] }) })]), 9090), {
    kind: 'never',
  });
  // Whether a port is judged at all hangs on it.
  t.deepEqual(authorization([policy('ALLOW', web, {})]), { kind: 'always' });
  t.deepEqual(authorization([policy('ALLOW', {}), policy('DENY', web, {})]), { kind: 'never' });
});
