import { decide } from '../../auth/policy/decide.ts';
import type { Admitted } from '../compile/admitted.ts';
import { appAddresses } from '../compile/app.ts';
import { calledPortsOf } from '../compile/called.ts';
import { plaintextRefused } from '../compile/inbound.ts';
import type { HostInput, WorkloadInput } from '../compile/input.ts';
import { addressWithPort, namespaceLink } from '../compile/names.ts';

/** A port of a workload with the policy that is in force for it. */
export interface JudgedPort {
  readonly workload: string;
  /** Path of the network namespace in which its connections lie; undefined is the host. */
  readonly place: string | undefined;
  readonly number: number;
  /** The workload's ends of connections to it, where Envoy may dial it for callers that nobody judged; none in a network namespace. */
  readonly ends: ReadonlySet<string>;
  readonly http: boolean;
  /** Whether anybody may be refused there. */
  readonly guarded: boolean;
  readonly refuses: (admitted: Pick<Admitted, 'source'>) => boolean;
}

/** The ports of workloads by the name of their cluster. */
export function judgedPorts(
  workloads: readonly WorkloadInput[],
  { host, settings }: Pick<HostInput, 'host' | 'settings'>,
): ReadonlyMap<string, JudgedPort> {
  const ports = workloads.flatMap(({ local, policy }) => {
    const { workload } = local;
    if (policy === undefined) return [];
    const place = namespaceLink(settings.namespaces, local);
    const addresses = place === undefined ? appAddresses(local, host.address, settings) : [];
    return calledPortsOf(workload, policy).map((called): [string, JudgedPort] => {
      const { number, http, allowed, cluster } = called;
      const plaintext = plaintextRefused(called, policy) !== undefined;
      const guarded = plaintext || allowed.kind !== 'always';
      const refuses: JudgedPort['refuses'] = ({ source }) =>
        source === undefined ? plaintext : !decide(allowed, { principal: source, port: number });
      const ends = new Set(addresses.map(address => addressWithPort(address, number)));
      return [cluster, { workload: workload.uid, place, number, ends, http, guarded, refuses }];
    });
  });
  return new Map(ports);
}
