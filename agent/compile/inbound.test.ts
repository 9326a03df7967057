import test from 'ava';
import type { WorkloadPolicy } from '../../manager/model/host-view.ts';
import { calledPortsOf } from './called.ts';
import { authorizationPolicy, host, peerAuthentication, policyOf, port, workload } from './fixtures.ts';
import { inboundChain } from './inbound.ts';
import { NO_CLUSTER } from './names.ts';

const A = host('a', '10.0.0.1');
const UID = 'a/default/reviews';
const { workload: reviews } = workload(A, 'reviews', [port(8080), port(9090, 'tcp')]).local;

/** What a caller without identity meets: `served`, `closed`, or the text of a 403. */
function met(policy: WorkloadPolicy): readonly string[] {
  return calledPortsOf(reviews, policy).map(called => {
    const chain = inboundChain(called, policy, '/log');
    const text = JSON.stringify(chain);
    const reason = /"inline_string":"isthmus: ([^"]*)\\n"/.exec(text)?.[1];
    const cluster = /"cluster":"([^"]*)"/.exec(text)?.[1];
    return reason ?? { [called.cluster]: 'served', [NO_CLUSTER]: 'closed' }[cluster ?? ''] ?? text;
  });
}

const STRICT = [peerAuthentication('STRICT')];
const NEEDS = 'plaintext refused: the AuthorizationPolicies of this workload let only callers with an identity in';
const CASES: readonly [name: string, policy: WorkloadPolicy, http: string, tcp: string][] = [
  ['no policy', policyOf(UID), 'served', 'served'],
  ['STRICT', policyOf(UID, [], STRICT), 'plaintext refused: PeerAuthentication default/mode is STRICT', 'closed'],
  ['PERMISSIVE before STRICT', policyOf(UID, [], [peerAuthentication('PERMISSIVE'), ...STRICT]), 'served', 'served'],
  ['ALLOW of an identity', policyOf(UID, [authorizationPolicy('ALLOW', 'web')]), NEEDS, 'closed'],
  ['DENY of an identity', policyOf(UID, [authorizationPolicy('DENY', 'web')]), 'served', 'served'],
];
for (const [name, policy, http, tcp] of CASES) {
  test(name, t => t.deepEqual(met(policy), [http, tcp]));
  test(`${name}, where services have HTTP spoken to both`, t => {
    t.deepEqual(met({ ...policy, httpPorts: [9090] }), [http, tcp === 'closed' ? http : tcp]);
  });
}
