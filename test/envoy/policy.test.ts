import test from 'ava';
import { Compiler } from '../../agent/compile/compile.ts';
import { host, input, instance, service, workload } from '../../agent/compile/fixtures.ts';
import { authorization } from '../../auth/policy/authorization.ts';
import { decide } from '../../auth/policy/decide.ts';
import type { AuthorizationPolicy, AuthorizationSource } from '../../manager/model/config/security.ts';
import { freePort } from '../ports.ts';
import { authority, certificate } from './authority.ts';
import { caller } from './caller.ts';
import { stage } from './fixture.ts';
import { call, origin } from './http.ts';

const DOMAIN = 'isthmus.mesh';
const WEB = `spiffe://${DOMAIN}/ns/default/sa/web`;
const OTHER = `spiffe://${DOMAIN}/ns/default/sa/other`;
const BATCH = `spiffe://${DOMAIN}/ns/jobs-x/sa/web`;
const REVIEWS = `spiffe://${DOMAIN}/ns/default/sa/reviews`;
const CALLERS = [WEB, OTHER, BATCH];

function policy(action: 'ALLOW' | 'DENY', source?: AuthorizationSource): AuthorizationPolicy {
  const metadata = { name: 'p', namespace: 'default', labels: {}, annotations: {} };
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { ...metadata, resourceVersion: '1', creationTimestamp: '' },
    spec: { action, rules: source === undefined ? [] : [{ from: [{ source }] }] },
  };
}

const CASES: readonly (readonly AuthorizationPolicy[])[] = [
  [],
  [policy('ALLOW')],
  [policy('ALLOW', { principals: [`${DOMAIN}/ns/default/sa/web`] })],
  [policy('ALLOW', { principals: [`${DOMAIN}/ns/default/*`] })],
  [policy('ALLOW', { principals: ['*/sa/web'] })],
  [policy('ALLOW', { principals: ['*'] })],
  [policy('ALLOW', { namespaces: ['jobs-x'] })],
  [policy('ALLOW', { namespaces: ['jobs-*'] })],
  [policy('ALLOW', { namespaces: ['*fault'] })],
  [policy('ALLOW', { namespaces: ['obs-x', 'fault'] })],
  [policy('ALLOW', { notPrincipals: ['*/web'] })],
  [policy('ALLOW', { principals: ['*/web'], notNamespaces: ['jobs-x'] })],
  [policy('DENY', { principals: [`${DOMAIN}/ns/default/sa/other`] })],
  [policy('ALLOW', { principals: ['*'] }), policy('DENY', { namespaces: ['jobs-x'] })],
];

test('Envoy decides as the policies say: through tunnels, and on one host; a refusal is 403 with the reason', async t => {
  await using on = await stage();
  await using app = await origin('reviews');
  const ca = authority(DOMAIN);
  const here = { ...host('a', '127.0.0.1', await freePort()), name: 'a' };
  const elsewhere = { ...here, name: 'b' };
  const inboundPort = await freePort();
  const paths = await Promise.all(
    CALLERS.flatMap(identity => ['near', 'far'].map(async to => ({ identity, to, port: await freePort() }))),
  );
  const ads = on.ads();
  await ads.start();
  ads.setSecrets(
    [...CALLERS, REVIEWS].map(identity => certificate(ca, identity)),
    ca.root,
  );
  const envoy = on.envoy();
  await envoy.start(on.life.signal);
  const compiler = new Compiler();
  for (const [index, policies] of CASES.entries()) {
    const ports = [{ number: app.port, name: 'http-80', protocol: 'http' as const }];
    const known = {
      workload: 'a/default/reviews',
      revision: `r${index}`,
      authorization: policies,
      peerAuthentication: [],
      httpPorts: [],
    };
    const reviews = workload(here, 'reviews', ports, { policy: known });
    const near = instance(here, reviews);
    const far = { ...near, reach: { ...instance(elsewhere, reviews).reach } };
    const called = [{ number: 80, name: 'http-80', protocol: 'http' as const }];
    const world = input(
      here,
      [{ ...reviews, outboundPort: await freePort() }],
      [service('near', 1, called, [near]), service('far', 2, called, [far])],
    );
    const compiled = compiler.compile({
      ...world,
      left: CALLERS,
      settings: { ...world.settings, inboundPort, ipv6: false },
    });
    t.deepEqual(compiled.problems, []);
    ads.update([...compiled.resources, ...paths.map(({ port, identity, to }) => caller(port, identity, to))]);
    await envoy.ready(AbortSignal.timeout(10_000));
    t.deepEqual(await ads.applied(AbortSignal.timeout(10_000)), []);
    for (const { identity, to, port } of paths) {
      const allowed = decide(authorization(policies), { principal: identity, port: app.port });
      const { status, body } = await call(port, to);
      const what = `case ${index}: ${identity} calls ${to}`;
      t.is(status, allowed ? 200 : 403, what);
      t.regex(body, allowed ? /^reviews$/ : new RegExp(`^isthmus: ${identity} is refused`), what);
    }
  }
});
