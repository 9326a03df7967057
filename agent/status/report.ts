import { NOBODY, UNKNOWN } from '../capture-reasons.ts';
import type { Converge } from '../converge.ts';
import type { AdsServer } from '../envoy/ads/server.ts';
import type { HostProxy } from '../host-proxy.ts';
import { Impostors } from '../impostors.ts';
import type { Certificates } from '../keys/certificates.ts';
import type { ManagerLink } from '../manager/link.ts';
import type { AgentOptions } from '../options.ts';
import type { RejectionStatus } from './rejection.ts';
import type { StatusSource } from './server.ts';
import type { AgentStatus } from './status.ts';
import { explained } from './taken.ts';

export interface ReportParts {
  readonly options: AgentOptions;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly link: Pick<ManagerLink, 'status' | 'wants' | 'refused'>;
  readonly converge: Pick<Converge, 'members' | 'captured' | 'inForce' | 'problems' | 'capture'>;
  readonly certificates: Pick<Certificates, 'expires' | 'reason'>;
  readonly ads: Pick<AdsServer, 'connections' | 'rejections'>;
  readonly proxy: Pick<HostProxy, 'status'>;
  readonly problems: () => AgentStatus['problems'];
}

/** Puts together what the parts of the agent know. */
export class StatusReport implements StatusSource {
  readonly #parts: ReportParts;
  readonly #impostors: Impostors;

  constructor(parts: ReportParts) {
    this.#parts = parts;
    const { converge, options } = parts;
    this.#impostors = new Impostors({ captured: () => converge.captured(), proxyUid: options.envoy.uid });
  }

  /** Everything that is not in force on this host, for the Manager. What it refused itself it knows. */
  rejections(): readonly RejectionStatus[] {
    const { converge, certificates } = this.#parts;
    const uncertified = converge.members().flatMap(({ input, identity, state }) => {
      const { uid } = input.local.workload;
      const reason = state === 'waiting for policy' ? undefined : certificates.reason(identity);
      return reason === undefined ? [] : [{ resource: `certificate of ${uid}`, reason, origins: [`workload ${uid}`] }];
    });
    const envoy = this.#ofEnvoy();
    return [
      ...this.#refused(),
      ...uncertified,
      ...(envoy === undefined ? [] : [{ resource: 'Envoy', reason: envoy, origins: [] }]),
      ...this.#uncaptured(),
      ...this.#found(),
    ];
  }

  /** What is wrong with the Envoy that runs. */
  #ofEnvoy(): string | undefined {
    const { silentSince, outdated, unable, dying } = this.#parts.proxy.status() ?? {};
    const wrong = [
      ...(unable === undefined ? [] : [`does not run, and cannot be started, which is tried again: ${unable}`]),
      ...(dying === undefined || unable !== undefined ? [] : [dying]),
      ...(silentSince === undefined ? [] : [`does not answer since ${new Date(silentSince).toISOString()}`]),
      ...(outdated === undefined
        ? []
        : [`runs with earlier settings, as no new one could take over, which is tried again: ${outdated}`]),
    ];
    return wrong.length === 0 ? undefined : wrong.join('; ');
  }

  /** That there is nobody to capture is no fault, and nor is that an agent has just begun. */
  #uncaptured(): readonly RejectionStatus[] {
    const { reason } = this.#parts.converge.capture();
    const well = reason === undefined || reason === NOBODY || reason === UNKNOWN;
    return well ? [] : [{ resource: 'capture', reason, origins: [] }];
  }

  /** Whoever looks at the whole mesh must see them too: a workload whose file cannot be read is missing there. */
  #found(): readonly RejectionStatus[] {
    return this.#problems().map(({ where, why }) => {
      const workload = /\bworkload \S+$/.exec(where)?.[0];
      return { resource: where, reason: why, origins: workload === undefined ? [] : [workload] };
    });
  }

  #problems(): AgentStatus['problems'] {
    return [...this.#parts.problems(), ...this.#impostors.problems()];
  }

  #refused(): readonly RejectionStatus[] {
    const { ads, converge, options } = this.#parts;
    const refused = ads
      .rejections()
      .map(({ name, reason, origins }) => explained({ resource: name, reason, origins }, options.host.tunnelPort));
    const unusable = converge
      .problems()
      .map(({ origin, message }) => ({ resource: origin, reason: message, origins: [origin] }));
    const uncaptured = converge
      .capture()
      .problems.map(({ where, why }) => ({ resource: `capture of ${where}`, reason: why, origins: [where] }));
    return [...refused, ...unusable, ...uncaptured];
  }

  /** It knows these itself. */
  #refusedByManager(): readonly RejectionStatus[] {
    return this.#parts.link.refused().map(({ resource: uid, reason }) => {
      const resource = `workload ${uid}`;
      return { resource, reason: `the Manager refuses it: ${reason}`, origins: [resource] };
    });
  }

  status(): AgentStatus {
    const { options, startedAt, link, ads, proxy, converge } = this.#parts;
    const { active, reason } = converge.capture();
    const envoy = proxy.status();
    const wrong = this.#ofEnvoy();
    return {
      host: options.host.name,
      pid: process.pid,
      version: options.version,
      startedAt,
      manager: link.status(),
      envoy: {
        ...(envoy?.pid === undefined ? {} : { pid: envoy.pid }),
        connected: ads.connections > 0,
        version: options.envoy.version,
        restarts: envoy?.restarts ?? 0,
        ...(wrong === undefined ? {} : { reason: wrong }),
      },
      workloads: this.#workloads(),
      services: [...link.wants('ServiceView')].sort(),
      redirect: { active, ...(reason === undefined ? {} : { reason }) },
      rejections: [...this.#refused(), ...this.#refusedByManager()],
      problems: this.#problems(),
    };
  }

  #workloads(): AgentStatus['workloads'] {
    const { converge, certificates } = this.#parts;
    const captured = new Set(converge.captured().map(({ input }) => input.local.workload.uid));
    return converge.members().map(({ input, identity, state }) => {
      const { uid } = input.local.workload;
      const certificateExpires = certificates.expires(identity);
      const certificateReason = certificates.reason(identity);
      const policyRevision = converge.inForce().get(uid);
      return {
        uid,
        identity,
        state: state === 'joined' && !captured.has(uid) ? 'waiting for proxy' : state,
        outboundPort: input.outboundPort,
        ...(certificateExpires === undefined ? {} : { certificateExpires }),
        ...(certificateReason === undefined ? {} : { certificateReason }),
        ...(policyRevision === undefined ? {} : { policyRevision }),
      };
    });
  }
}
