import test from 'ava';
import { readFile } from './files.ts';
import { configObjectOf } from './manifest.ts';
import { checkReferences } from './references.ts';
import { describeWarning } from './warning.ts';

const MESH = {
  service: () => undefined,
  services: () => [],
  workloads: () => [
    { namespace: 'shop', labels: { app: 'web' }, ports: [{ number: 8080 }, { number: 9090 }] },
    { namespace: 'shop', labels: { app: 'cart' }, ports: [{ number: 7070 }] },
  ],
  trustDomain: 'isthmus.mesh',
};

/** What is said of one policy, where its mesh is known or not. */
function said(kind: string, spec: string, { namespace = 'shop', isKnown = true } = {}): readonly string[] {
  const text = `apiVersion: security.istio.io/v1\nkind: ${kind}\nmetadata: {name: p, namespace: ${namespace}}\nspec: ${spec}`;
  const { objects, errors } = readFile(text, 'x');
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  const read = objects.map(({ manifest }) => configObjectOf(manifest));
  return checkReferences(read, isKnown ? MESH : undefined).map(describeWarning);
}
const [WHO, PEERS] = ['AuthorizationPolicy', 'PeerAuthentication'] as const;
const from = (...principals: string[]): string =>
  `{action: DENY, rules: [{from: [{source: {principals: ${JSON.stringify(principals)}}}]}]}`;

test('a policy for workloads that there are is right, and so is what cannot be known', t => {
  const right = `{selector: {matchLabels: {app: web}}, rules: [{to: [{operation: {ports: ["8080"], notPorts: ["9090"]}}]}]}`;
  t.deepEqual(said(WHO, right), []);
  t.deepEqual(said(WHO, right, { namespace: 'isthmus-system' }), []);
  t.deepEqual(said(PEERS, '{selector: {matchLabels: {app: cart}}, portLevelMtls: {7070: {mode: STRICT}}}'), []);
  t.deepEqual(said(PEERS, '{mtls: {mode: STRICT}}', { namespace: 'empty' }), []);
  t.deepEqual(said(WHO, '{selector: {matchLabels: {app: wbe}}}', { isKnown: false }), []);
  t.deepEqual(said(WHO, from('old.example/ns/shop/sa/web'), { isKnown: false }), []);
});

test("Istio's root namespace is none here", t => {
  for (const isKnown of [true, false])
    t.deepEqual(said(PEERS, '{mtls: {mode: STRICT}}', { namespace: 'istio-system', isKnown }), [
      'PeerAuthentication istio-system/p: metadata.namespace: "istio-system" is a namespace like others here, and this holds in it alone; policies for the whole mesh are in "isthmus-system"',
    ]);
});

test('labels that no workload carries in the namespace', t => {
  const warning = `AuthorizationPolicy default/p: spec.selector: no workload that is known carries app=web`;
  t.deepEqual(said(WHO, '{selector: {matchLabels: {app: web}}}', { namespace: 'default' }), [warning]);
});

test('callers of another trust domain', t => {
  const known = ['isthmus.mesh/ns/a/sa/b', 'isthmus.mesh/*', 'cluster.local/ns/a/*', '*/sa/b', '*', 'old*'];
  t.deepEqual(said(WHO, from(...known)), []);
  t.deepEqual(said(WHO, from('*', 'old.example/ns/a/sa/*')), [
    'AuthorizationPolicy shop/p: spec.rules[0].from[0].source.principals[1]: "old.example/ns/a/sa/*" is nobody here; the trust domain of this mesh is "isthmus.mesh": try "isthmus.mesh/ns/a/sa/*"',
  ]);
});

test('ports of a service, where those of workloads are meant', t => {
  const why = 'no workload that this is for has a port 80: ports are those that workloads listen on; they have';
  t.deepEqual(said(WHO, '{action: DENY, rules: [{to: [{operation: {ports: ["7070", "80"]}}]}]}'), [
    `AuthorizationPolicy shop/p: spec.rules[0].to[0].operation.ports[1]: ${why} 7070, 8080, 9090`,
  ]);
  t.deepEqual(said(PEERS, '{selector: {matchLabels: {app: cart}}, portLevelMtls: {80: {mode: STRICT}}}'), [
    `PeerAuthentication shop/p: spec.portLevelMtls.80: ${why} 7070`,
  ]);
});
