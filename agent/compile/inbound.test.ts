import test from 'ava';
import type { WorkloadPolicy } from '../../manager/model/host-view.ts';
import { calledPortsOf } from './called.ts';
import { authorizationPolicy, host, peerAuthentication, policyOf, port, workload } from './fixtures.ts';
import { inboundChain, sharedChains } from './inbound.ts';
import type { JsonMap } from './resource.ts';

const A = host('a', '10.0.0.1');
const UID = 'a/default/reviews';
const { workload: reviews } = workload(A, 'reviews', [port(8080), port(9090, 'tcp')]).local;

/** What a caller without identity meets: `served`, `closed`, or the text of a 403. */
function met(policy: WorkloadPolicy): readonly string[] {
  return calledPortsOf(reviews, policy).map(called => {
    const chain = inboundChain(called, policy);
    if (chain === undefined) return 'closed';
    const text = JSON.stringify(chain);
    return /"inline_string":"isthmus: ([^"]*)\\n"/.exec(text)?.[1] ?? (text.includes(called.cluster) ? 'served' : text);
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
for (const [name, policy, http, tcp] of CASES) test(name, t => t.deepEqual(met(policy), [http, tcp]));

const chain = (port: number): JsonMap => ({ name: String(port), filter_chain_match: { destination_port: port } });

test('processes of one port are told apart by address; what cannot be is left out and said', t => {
  const { chains, problems } = sharedChains([
    { workload: 'x', addresses: ['10.0.0.1'], chains: [chain(80), chain(81)] },
    { workload: 'y', addresses: ['10.0.0.2', '10.0.0.1'], chains: [chain(80)] },
    { workload: 'z', addresses: ['10.0.0.2'], chains: [chain(80)] },
  ]);
  t.deepEqual(
    chains.map(each => each['filter_chain_match']),
    [
      { destination_port: 80, prefix_ranges: [{ address_prefix: '10.0.0.1', prefix_len: 32 }] },
      { destination_port: 81 },
      { destination_port: 80, prefix_ranges: [{ address_prefix: '10.0.0.2', prefix_len: 32 }] },
    ],
  );
  t.deepEqual(
    problems.map(({ origin, message }) => [origin, /is that of (.*) too/.exec(message)?.[1]]),
    [['workload z', 'x, y']],
  );
});
