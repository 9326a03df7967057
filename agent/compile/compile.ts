import { appClusters } from './app.ts';
import { type CalledPort, calledPortsOf, policyOrigins } from './called.ts';
import { deliveriesOf } from './deliveries.ts';
import { FarHosts } from './far-hosts.ts';
import { HBONE, hbone, hboneHosts } from './hbone.ts';
import { inboundChain, inboundListener } from './inbound.ts';
import type { HostInput, Problem, WorkloadInput } from './input.ts';
import { kept } from './kept.ts';
import { localListenerOf } from './local.ts';
import { Memo } from './memo.ts';
import { namespaceLink } from './names.ts';
import { type CalledPorts, calledPorts, outboundListener } from './outbound.ts';
import { withOwnAddresses } from './own-addresses.ts';
import type { JsonMap, Resource } from './resource.ts';
import { type CompiledService, compiledRoutes, compiledService } from './services.ts';
import { type InboundOwner, sharedChains } from './shared-ports.ts';
import { identityOf } from './tls.ts';
import { refusal, tunnelChain, tunnelListener, tunnelTable } from './tunnel.ts';

/** What Envoy shall run. */
export interface Compiled {
  /** Secrets excepted. */
  readonly resources: readonly Resource[];
  readonly problems: readonly Problem[];
}

/** The called side of a workload whose policy is known. */
interface Called {
  readonly input: WorkloadInput;
  readonly ports: readonly CalledPort[];
  readonly resources: readonly Resource[];
  readonly tunnel: JsonMap;
  readonly inbound: readonly JsonMap[];
  readonly origins: readonly string[];
}

/**
 * Turns what a host knows into what its Envoy shall run. The outcome depends on the input only, but for hosts that linger; what was made
 * before is used again where the very same objects come in, so keep objects that did not change: new instances of one service cost only
 * its endpoints.
 */
export class Compiler {
  readonly #memo = new Memo();
  readonly #farHosts: FarHosts;
  readonly #fixed: readonly Resource[] = [...hbone(), ...refusal()];
  /** Those that are of no service, of the last pass. */
  #kept: readonly Resource[] = [];

  /** @param now milliseconds of a clock that is never set. */
  constructor(now: () => number = () => performance.now()) {
    this.#farHosts = new FarHosts(now);
  }

  compile(input: HostInput): Compiled {
    this.#memo.begin();
    const problems: Problem[] = [];
    const services = withOwnAddresses(input.services, this.#memo, problems);
    const own = { ...input, services };
    const all = deliveriesOf(own, this.#memo);
    const compiled = [...services.values()].map(service => compiledService(service, own, all, this.#memo));
    for (const service of compiled) problems.push(...service.problems);
    const routes = compiledRoutes(services, this.#memo);
    problems.push(...routes.problems);
    const workloads = this.#workloads(own, problems);
    const hosts = this.#hosts(compiled, own);
    this.#memo.end();
    this.#kept = kept([...this.#fixed, hosts, ...workloads], this.#kept);
    return {
      resources: [...this.#kept, ...compiled.flatMap(({ resources }) => resources), ...routes.tables],
      problems,
    };
  }

  #hosts(services: readonly CompiledService[], { settings }: HostInput): Resource {
    const texts = services.map(({ farHosts }) => farHosts);
    const named = this.#memo.get('hosts', texts, () => new Set(texts.flatMap(text => text.split(',').filter(Boolean))));
    const listed = this.#farHosts.list(named);
    return this.#memo.get(HBONE, [listed, settings.ipv6], () => hboneHosts(listed, settings.ipv6));
  }

  #workloads(input: HostInput, problems: Problem[]): readonly Resource[] {
    const views = [...input.services.values()].map(({ view }) => view);
    const ports = this.#memo.get('called ports', views, () => calledPorts(views));
    const called = input.workloads.flatMap(workload => this.#called(workload, input) ?? []);
    return [
      ...input.workloads.map(workload => this.#outbound(workload, ports, input)),
      ...called.flatMap(({ resources }) => resources),
      ...this.#tunnel(called, input),
      ...this.#inbound(called, input, problems),
    ];
  }

  #outbound({ local, outboundPort }: WorkloadInput, ports: CalledPorts, { mesh, settings }: HostInput): Resource {
    const inputs = [local, outboundPort, ports.key, mesh.trustDomain, settings];
    const identity = identityOf(local.workload, mesh.trustDomain);
    return this.#memo.get(`outbound ${local.workload.uid}`, inputs, () =>
      outboundListener(local, identity, outboundPort, ports, settings),
    );
  }

  #called(input: WorkloadInput, { host, mesh, settings }: HostInput): Called | undefined {
    const { local, policy } = input;
    if (policy === undefined) return undefined;
    const { workload } = local;
    const inputs = [local, policy, mesh.trustDomain, host.address, settings];
    return this.#memo.get(`called ${workload.uid}`, inputs, () => {
      const origins = policyOrigins(workload, policy);
      const ports = calledPortsOf(workload, policy);
      return {
        input,
        ports,
        resources: [
          ...appClusters(local, host.address, settings),
          ...ports.map(port => localListenerOf(port, settings.admittedLog, origins)),
          tunnelTable(workload, ports, origins),
        ],
        tunnel: tunnelChain(workload, identityOf(workload, mesh.trustDomain), mesh.trustDomain, settings.admittedLog),
        inbound: ports.map(port => inboundChain(port, policy, settings.admittedLog)),
        origins,
      };
    });
  }

  #tunnel(called: readonly Called[], { host, settings }: HostInput): readonly Resource[] {
    if (called.length === 0) return [];
    return [
      this.#memo.get('tunnel', [host.tunnelPort, settings.ipv6, ...called], () => {
        const chains = called.map(({ tunnel }) => tunnel);
        return tunnelListener(chains, host.tunnelPort, settings.ipv6, originsOf(called));
      }),
    ];
  }

  /** One listener on the host for its processes, and one in each namespace. */
  #inbound(called: readonly Called[], { host, settings }: HostInput, problems: Problem[]): readonly Resource[] {
    const { inboundPort, ipv6, transparent } = settings;
    const owners = called.filter(({ input }) => input.local.selector.kind !== 'namespace');
    const shared = this.#memo.get('inbound', [inboundPort, ipv6, transparent, host.address, ...owners], () => {
      const { chains, problems } = sharedChains(owners.map(ownerOf), host.address);
      return {
        problems,
        chains,
        listener: inboundListener('inbound', chains, inboundPort, { ipv6, transparent }, originsOf(owners)),
      };
    });
    problems.push(...shared.problems);
    const inside = called.flatMap(each => {
      const { local } = each.input;
      const namespace = namespaceLink(settings.namespaces, local);
      if (namespace === undefined || each.inbound.length === 0) return [];
      const name = `inbound/${local.workload.uid}`;
      const place = { ipv6, namespace };
      return this.#memo.get(name, [inboundPort, ipv6, each], () =>
        inboundListener(name, each.inbound, inboundPort, place, each.origins),
      );
    });
    // Envoy takes no listener without chains.
    return shared.chains.length === 0 ? inside : [shared.listener, ...inside];
  }
}

function ownerOf({ input, inbound }: Called): InboundOwner {
  const { uid, addresses } = input.local.workload;
  return { workload: uid, addresses, chains: inbound };
}

function originsOf(called: readonly Called[]): readonly string[] {
  return [...new Set(called.flatMap(({ origins }) => origins))];
}
