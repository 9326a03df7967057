import type { HostStatus, Rejection, ReportedWorkload } from '../manager/model/proto/messages.ts';
import type { Host } from '../manager/model/workload.ts';
import type { LocalWorkload } from '../platforms/platform.ts';
import type { HostFacts } from './manager/reporting.ts';

/** What the host reports, made anew only where something changed: unchanged parts stay the same objects and are not sent again. */
export class Reports {
  readonly #host: Host;
  readonly #startedAt: number;
  readonly #versions: { readonly agent: string; readonly envoy: string };
  #workloads: readonly ReportedWorkload[] | undefined;
  #status: HostStatus;
  #workloadsText = '';
  #statusText = '';

  constructor(host: Host, versions: { readonly agent: string; readonly envoy: string }, startedAt: number) {
    this.#host = host;
    this.#versions = versions;
    this.#startedAt = startedAt;
    this.#status = this.#make([], false);
  }

  /** Takes the workloads with the policies in force. @returns whether that is news. */
  workloads(local: readonly LocalWorkload[], inForce: ReadonlyMap<string, string>): boolean {
    const reported = local.map(({ workload }): ReportedWorkload => {
      const addresses = workload.addresses.length > 0 ? workload.addresses : [this.#host.address];
      return { ...workload, addresses, policyRevision: inForce.get(workload.uid) ?? '' };
    });
    const text = JSON.stringify(reported);
    if (text === this.#workloadsText) return false;
    this.#workloadsText = text;
    this.#workloads = reported;
    return true;
  }

  /** Takes what is refused on this host, and whether its Envoy is there. */
  status(rejections: readonly Rejection[], envoyConnected: boolean): void {
    const text = JSON.stringify([rejections, envoyConnected]);
    if (text === this.#statusText) return;
    this.#statusText = text;
    this.#status = this.#make(rejections, envoyConnected);
  }

  facts(): HostFacts {
    return { host: this.#host, workloads: this.#workloads, status: this.#status };
  }

  #make(rejections: readonly Rejection[], envoyConnected: boolean): HostStatus {
    const { agent: agentVersion, envoy: envoyVersion } = this.#versions;
    return { rejections, startedAt: this.#startedAt, agentVersion, envoyVersion, envoyConnected };
  }
}
