import { decide } from '../../auth/policy/decide.ts';
import type { Admitted } from '../compile/admitted.ts';
import { calledPortsOf } from '../compile/called.ts';
import { plaintextRefused } from '../compile/inbound.ts';
import type { WorkloadInput } from '../compile/input.ts';
import { namespaceLink } from '../compile/names.ts';

/** A port of a workload with the policy that is in force for it. */
export interface JudgedPort {
  readonly workload: string;
  /** Path of the network namespace in which its connections lie; undefined is the host. */
  readonly place: string | undefined;
  readonly number: number;
  readonly http: boolean;
  /** Whether anybody may be refused there. */
  readonly guarded: boolean;
  readonly refuses: (admitted: Pick<Admitted, 'source'>) => boolean;
}

/**
 * The ports of workloads by the name of their cluster.
 * @param namespaces folder of links to the namespaces of workloads.
 */
export function judgedPorts(workloads: readonly WorkloadInput[], namespaces: string): ReadonlyMap<string, JudgedPort> {
  const ports = workloads.flatMap(({ local, policy }) => {
    const { workload } = local;
    if (policy === undefined) return [];
    const place = namespaceLink(namespaces, local);
    return calledPortsOf(workload, policy).map((called): [string, JudgedPort] => {
      const { number, http, allowed, cluster } = called;
      const plaintext = plaintextRefused(called, policy) !== undefined;
      const guarded = plaintext || allowed.kind !== 'always';
      const refuses: JudgedPort['refuses'] = ({ source }) =>
        source === undefined ? plaintext : !decide(allowed, { principal: source, port: number });
      return [cluster, { workload: workload.uid, place, number, http, guarded, refuses }];
    });
  });
  return new Map(ports);
}
