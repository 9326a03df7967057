import { authorization } from '../../auth/policy/authorization.ts';
import { atPort, type Expression } from '../../auth/policy/expression.ts';
import { describeObject } from '../../manager/model/config/object.ts';
import type { WorkloadPolicy } from '../../manager/model/host-view.ts';
import { isHttp } from '../../manager/model/service.ts';
import type { Workload } from '../../manager/model/workload.ts';
import { appCluster } from './names.ts';

/** A port of a local workload, as those who call it meet it. */
export interface CalledPort {
  readonly workload: string;
  readonly number: number;
  /** Whether a refusal can be told in HTTP. */
  readonly http: boolean;
  /** Where it is dialled. */
  readonly cluster: string;
  /** Who may call; settled for this port. */
  readonly allowed: Expression;
}

/** The ports of a workload with the decision of its policy. */
export function calledPortsOf(workload: Workload, policy: WorkloadPolicy): readonly CalledPort[] {
  const decision = authorization(policy.authorization);
  const http = new Set(policy.httpPorts);
  return workload.ports
    .filter(({ protocol }) => protocol !== 'udp')
    .map(({ number, protocol }) => ({
      workload: workload.uid,
      number,
      // What callers speak the service says; a file often only names the number.
      http: isHttp(protocol) || http.has(number),
      cluster: appCluster(workload.uid, number),
      allowed: atPort(decision, number),
    }));
}

/** What resources that apply a policy are made from. */
export function policyOrigins(workload: Workload, policy: WorkloadPolicy): readonly string[] {
  return [
    `workload ${workload.uid}`,
    ...policy.authorization.map(describeObject),
    ...policy.peerAuthentication.map(describeObject),
  ];
}
