import { noteAdmitted } from './admitted.ts';
import { refuseHttp } from './answer.ts';
import type { CalledPort } from './called.ts';
import { tcpProxy } from './filters.ts';
import { choose } from './matcher.ts';
import { localListener, REFUSED } from './names.ts';
import { type JsonMap, type Resource, resource, TYPE } from './resource.ts';

const ALLOW = 'allow';
const REFUSE = 'refuse';

/**
 * How callers of the same host reach a port: inside Envoy, without TLS, the policy applied when the connection is made. A refused HTTP
 * caller is told so; another is cut off before the workload is dialled, so no banner of a server that speaks first is seen.
 */
export function localListenerOf(port: CalledPort, admittedLog: string, origins: readonly string[]): Resource {
  const name = localListener(port.workload, port.number);
  const allow: JsonMap = { name: ALLOW, filters: [tcpProxy('local', port.cluster, noteAdmitted(admittedLog, 'tcp'))] };
  const refuse: JsonMap = { name: REFUSE, filters: [refuseHttp(REFUSED)] };
  const matcher = choose(port.allowed, action(ALLOW), port.http ? action(REFUSE) : undefined);
  const body = {
    name,
    internal_listener: {},
    traffic_direction: 'INBOUND',
    filter_chain_matcher: matcher,
    filter_chains: port.http ? [allow, refuse] : [allow],
  };
  return resource(TYPE.listener, name, body, origins);
}

function action(chain: string): { readonly name: string; readonly typed_config: JsonMap } {
  return { name: chain, typed_config: { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: chain } };
}
