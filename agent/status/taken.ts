import { whoListens } from '../../manager/model/util/taken-port.ts';
import { PORTS } from '../redirect/spec.ts';
import type { RejectionStatus } from './rejection.ts';

/** Envoy's words for it, such as `cannot bind '0.0.0.0:15008': Address already in use`. */
const TAKEN = /cannot bind '(.+:(\d+))': Address already in use/;

/**
 * A refusal as a person can act on it: where another program has a port, that program is named as the cause rather than the config that
 * the listener was made from.
 * @param tunnelPort of this host.
 */
export function explained({ resource, reason, origins }: RejectionStatus, tunnelPort: number): RejectionStatus {
  const [, place, port] = TAKEN.exec(reason) ?? [];
  if (place === undefined) return { resource, reason: reason.trim(), origins };
  const within = isFixed(Number(port)) ? workloadOf(resource) : undefined;
  const inside = within === undefined ? '' : ` in the network namespace of workload ${within}`;
  const look = `${whoListens(Number(port))}${within === undefined ? '' : ' there'}`;
  const other = Number(port) === tunnelPort ? 'set another "tunnelPort" in agent.yaml' : 'have it listen elsewhere';
  const why = `another program listens on ${place}${inside}: see ${look}; end it, or ${other}; it is tried again every 30 s`;
  return { resource, reason: why, origins: [] };
}

/** Those that Envoy has in each namespace; on the host one of them, by a name without a workload. */
function isFixed(port: number): boolean {
  return port === PORTS.inbound || port === PORTS.outbound;
}

/** Listeners of one workload are named `<what>/<uid>`. */
function workloadOf(resource: string): string | undefined {
  const slash = resource.indexOf('/');
  return slash === -1 ? undefined : resource.slice(slash + 1);
}
