import test from 'ava';
import type { WorkloadPolicy } from '../../manager/model/host-view.ts';
import {
  authorizationPolicy,
  host,
  peerAuthentication,
  policyOf,
  port,
  TRUST_DOMAIN,
  workload,
} from '../compile/fixtures.ts';
import { judgedPorts } from './judged-ports.ts';

const UID = 'a/default/reviews';
const WEB = `spiffe://${TRUST_DOMAIN}/ns/default/sa/web`;
const OTHER = `spiffe://${TRUST_DOMAIN}/ns/default/sa/other`;

/** Whether web, other and a caller without identity are refused. */
function refused(policy: WorkloadPolicy): readonly boolean[] {
  const [judged] = judgedPorts(
    [workload(host('a', '10.0.0.1'), 'reviews', [port(9090, 'tcp')], { policy })],
    '/links',
  ).values();
  const all = [WEB, OTHER].map(source => judged!.refuses({ source }));
  const found = [...all, judged!.refuses({})];
  return judged!.guarded ? found : [];
}

const STRICT = [peerAuthentication('STRICT')];
const CASES: readonly [name: string, policy: WorkloadPolicy, refused: readonly boolean[]][] = [
  ['no policy guards nothing', policyOf(UID), []],
  ['STRICT', policyOf(UID, [], STRICT), [false, false, true]],
  ['ALLOW of web', policyOf(UID, [authorizationPolicy('ALLOW', 'web')]), [false, true, true]],
  ['DENY of web', policyOf(UID, [authorizationPolicy('DENY', 'web')]), [true, false, false]],
];
for (const [name, policy, expected] of CASES) test(name, t => t.deepEqual(refused(policy), expected));

test('a workload with a network of its own has its connections there', t => {
  const selector = { kind: 'namespace', path: '/run/netns/pod', id: '4:7' } as const;
  const inside = workload(host('a', '10.0.0.1'), 'reviews', [port(80)], { selector });
  const ports = judgedPorts([inside], '/links');
  t.like(ports.get(`app|${UID}|80`), { place: '/links/4:7', http: true, number: 80 });
});
