import { isDeepStrictEqual } from 'node:util';
import type { FollowedService } from '../../registries/mapping.ts';
import type { Problem } from '../../registries/registry.ts';
import type { ResourceKey, ResourceSource } from '../distribution/resources.ts';
import type { HostListener, HostState, Hosts } from '../hosts/hosts.ts';
import type { ConfigObject } from '../model/config/object.ts';
import type { MeshSettings, ServiceName, ServiceView, WorkloadPolicy } from '../model/host-view.ts';
import type { Instance, WithheldInstance } from '../model/instance.ts';
import { MESH_SETTINGS_NAME, type Resources, type ResourceType } from '../model/proto/wire.ts';
import type { Service } from '../model/service.ts';
import { type Debounced, debounce } from '../model/util/debounce.ts';
import { messageOf } from '../model/util/errors.ts';
import type { Logger } from '../model/util/log.ts';
import { AddressRequests } from './address-requests.ts';
import { Aliases } from './aliases.ts';
import { ConfigIndex } from './config-index.ts';
import { HttpPorts, type LedTo } from './http-ports.ts';
import { Listings } from './listings.ts';
import { mergeSources } from './merge.ts';
import { Policies } from './policies.ts';
import { reachAll } from './reach.ts';
import { Sources } from './sources.ts';
import type { VirtualIps } from './virtual-ips.ts';
import type { Withheld } from './withheld.ts';
import { type PlacedWorkload, WorkloadIndex } from './workload-index.ts';

export interface CatalogOptions {
  /** Names of the registries in the order of precedence. */
  readonly registries: readonly string[];
  readonly settings: MeshSettings;
  readonly virtualIps: VirtualIps;
  /** Loaded. */
  readonly withheld: Withheld;
  readonly logger: Logger;
}

/** A service as it was published last. */
export interface ServiceRecord {
  readonly service: Service;
  readonly instances: readonly Instance[];
  /** Instances that hosts are not told of, since the host that they are on is not heard of, and there are others. */
  readonly unheard: readonly Instance[];
  /** Instances that hosts are not told of. */
  readonly withheld: readonly WithheldInstance[];
  /** What could not be used, or where sources disagree. */
  readonly problems: readonly Problem[];
}

/** Changes are gathered for so long at the least and at the most, milliseconds. */
const QUIET_MS = 1;
const CEILING_MS = 5;
/** So many services are put together in one go, and so many resources passed on: some tenths of a second, in which nobody is heard. */
const AT_ONCE = { services: 500, resources: 2_000 };

/**
 * Everything that hosts are told, put together from registries, hosts and config. A change costs work for what it touches: only
 * services marked dirty are made anew, and only what came out otherwise is passed on.
 */
export class Catalog implements ResourceSource, HostListener {
  readonly #settings: MeshSettings;
  readonly #virtualIps: VirtualIps;
  readonly #logger: Logger;
  readonly #sources: Sources;
  readonly #addresses: AddressRequests;
  readonly #aliases = new Aliases();
  readonly #workloads = new WorkloadIndex();
  readonly #withheld: Withheld;
  readonly #config: ConfigIndex = new ConfigIndex(alias => this.#aliases.owner(alias));
  readonly #policies: Policies;
  readonly #records = new Map<string, ServiceRecord>();
  readonly #listings = new Listings();
  readonly #httpPorts = new HttpPorts();
  readonly #dirty = new Set<string>();
  /** Besides the services: views and policies that may be others. */
  readonly #changed = new Map<string, ResourceKey>();
  readonly #flush: Debounced;
  #hosts: Pick<Hosts, 'get'> = { get: () => undefined };
  #publish: (keys: readonly ResourceKey[]) => void = () => {};
  #rebuilds = 0;

  constructor(options: CatalogOptions) {
    this.#settings = options.settings;
    this.#policies = new Policies(options.settings.trustDomain);
    this.#virtualIps = options.virtualIps;
    this.#logger = options.logger;
    this.#sources = new Sources(options.registries);
    this.#withheld = options.withheld;
    this.#withheld.connect(endpoints => this.#markAt(endpoints));
    const { virtualIps, logger } = options;
    this.#addresses = new AddressRequests({ virtualIps, logger, onGiven: hostname => this.#mark([hostname]) });
    this.#flush = debounce(() => this.#work(AT_ONCE), QUIET_MS, CEILING_MS);
  }

  /** @param publish takes what may have changed. */
  connect(hosts: Pick<Hosts, 'get'>, publish: (keys: readonly ResourceKey[]) => void): void {
    this.#hosts = hosts;
    this.#publish = publish;
  }

  /** How many services were put together since the start. */
  get rebuilds(): number {
    return this.#rebuilds;
  }

  get records(): ReadonlyMap<string, ServiceRecord> {
    return this.#records;
  }

  /** The service that a hostname or an alias names. */
  find(name: string): ServiceRecord | undefined {
    return this.#records.get(name) ?? this.#records.get(this.#aliases.owner(name) ?? '');
  }

  /** Services that are left out since they have no address yet: why, and which source speaks of each first, under which key. */
  left(): readonly {
    readonly hostname: string;
    readonly why: string;
    readonly source: string;
    readonly key: string;
  }[] {
    return [...this.#addresses.failures()].map(([hostname, why]) => {
      const { registry: source, key } = this.#sources.of(hostname)[0] ?? { registry: '', key: '' };
      return { hostname, why, source, key };
    });
  }

  get workloads(): Pick<WorkloadIndex, 'get' | 'all' | 'conflicts'> {
    return this.#workloads;
  }

  /** Takes what a registry says of one of its services; undefined: it is gone. */
  setSource(registry: string, key: string, service: FollowedService | undefined): void {
    this.#mark(this.#sources.set(registry, key, service));
  }

  /** Takes a config object; undefined: it is gone. */
  setConfig(key: string, object: ConfigObject | undefined): void {
    for (const hostname of this.#config.set(key, object)) this.#touch('ServiceView', hostname);
    const chooses = this.#policies.set(key, object);
    if (!chooses) return;
    for (const [uid, { workload }] of this.#workloads.all()) if (chooses(workload)) this.#touch('WorkloadPolicy', uid);
  }

  workloadsChanged(host: string, uids: ReadonlySet<string>): void {
    const state = this.#hosts.get(host);
    for (const uid of uids) {
      const workload = state?.workloads.get(uid);
      const placed: PlacedWorkload | undefined = state &&
        workload && { workload, host: state.host, alive: state.alive };
      this.#markAt(this.#workloads.set(uid, placed));
      this.#mark(this.#sources.setWorkload(uid, placed));
      this.#touch('WorkloadPolicy', uid);
    }
  }

  hostArrived(state: HostState): void {
    this.#withheld.arrived(state);
  }

  value<T extends ResourceType>(type: T, name: string): Resources[T] | undefined {
    return this.#value(type, name) as Resources[T] | undefined;
  }

  names(type: ResourceType, host: string): Iterable<string> {
    if (type === 'MeshSettings') return [MESH_SETTINGS_NAME];
    if (type === 'WorkloadPolicy') return this.#hosts.get(host)?.workloads.keys() ?? [];
    return this.#records.keys();
  }

  /** The policy that a workload should have. */
  policyOf(uid: string): WorkloadPolicy | undefined {
    const placed = this.#workloads.get(uid);
    return placed && { ...this.#policies.of(placed.workload), httpPorts: this.#httpPorts.of(uid) };
  }

  /** The config objects that are part of a resource. */
  configIn(type: ResourceType, name: string): readonly ConfigObject[] {
    if (type === 'WorkloadPolicy') {
      const { authorization = [], peerAuthentication = [] } = this.policyOf(name) ?? {};
      return [...authorization, ...peerAuthentication];
    }
    if (type !== 'ServiceView') return [];
    const { virtualServices, destinationRule } = this.#config.of(name);
    return destinationRule ? [...virtualServices, destinationRule] : virtualServices;
  }

  /** Puts together what is dirty and passes on what came out otherwise, all of it. By itself that begins soon after each change. */
  flush(): void {
    this.#flush.cancel();
    this.#work({ services: Number.POSITIVE_INFINITY, resources: Number.POSITIVE_INFINITY });
  }

  /** A host that comes or goes may bring thousands of services: what is more than that waits until others had their turn. */
  #work(most: typeof AT_ONCE): void {
    for (let done = 0; done < most.services && this.#dirty.size > 0; done += 1) this.#rebuildNext();
    const keys = [...this.#changed.entries().take(most.resources)];
    for (const [id] of keys) this.#changed.delete(id);
    if (keys.length > 0) this.#publish(keys.map(([, key]) => key));
    if (this.#dirty.size + this.#changed.size > 0) this.#flush.call();
  }

  #rebuildNext(): void {
    const [hostname] = this.#dirty;
    this.#dirty.delete(hostname!);
    try {
      this.#rebuild(hostname!, this.#changed);
    } catch (error) {
      this.#logger.error('a service cannot be put together; what was known of it stays', {
        hostname,
        why: messageOf(error),
      });
    }
  }

  #value(type: ResourceType, name: string): Resources[ResourceType] | undefined {
    switch (type) {
      case 'MeshSettings':
        return name === MESH_SETTINGS_NAME ? this.#settings : undefined;
      case 'ServiceName':
        return this.#serviceName(name);
      case 'ServiceView':
        return this.#serviceView(name);
      case 'InstanceList': {
        const record = this.#records.get(name);
        return record && { hostname: name, instances: record.instances };
      }
      case 'WorkloadPolicy':
        return this.policyOf(name);
    }
  }

  #serviceName(hostname: string): ServiceName | undefined {
    const record = this.#records.get(hostname);
    if (!record) return undefined;
    const { namespace, name, aliases, ports, virtualIps } = record.service;
    return { namespace, name, hostname, aliases, ports, virtualIps };
  }

  #serviceView(hostname: string): ServiceView | undefined {
    const record = this.#records.get(hostname);
    return record && { service: record.service, ...this.#config.of(hostname) };
  }

  #mark(hostnames: Iterable<string>): void {
    for (const hostname of hostnames) this.#dirty.add(hostname);
    if (this.#dirty.size > 0) this.#flush.call();
  }

  #markAt(endpoints: Iterable<string>): void {
    for (const endpoint of endpoints) this.#mark(this.#listings.at(endpoint));
  }

  #touch(type: ResourceType, name: string): void {
    this.#changed.set(`${type}/${name}`, { type, name });
    this.#flush.call();
  }

  #rebuild(hostname: string, changed: Map<string, ResourceKey>): void {
    this.#rebuilds += 1;
    const before = this.#records.get(hostname);
    const after = this.#make(hostname, changed);
    if (after === 'waiting') return;
    if (after) this.#records.set(hostname, after);
    else this.#records.delete(hostname);
    if (before === undefined || after === undefined) this.#noteUse(hostname, after !== undefined);
    const put = (type: ResourceType): unknown => changed.set(`${type}/${hostname}`, { type, name: hostname });
    if (!isDeepStrictEqual(before?.service, after?.service)) {
      put('ServiceName');
      put('ServiceView');
    }
    if (!isDeepStrictEqual(before?.instances, after?.instances)) put('InstanceList');
  }

  #make(hostname: string, changed: Map<string, ResourceKey>): ServiceRecord | 'waiting' | undefined {
    const sources = this.#sources.of(hostname);
    const ref = this.#sources.ref(hostname);
    if (!ref || sources.length === 0) {
      this.#claimAliases(hostname, [], 0, changed);
      this.#listings.set(hostname, []);
      this.#noteHttp(hostname, [], changed);
      this.#withheld.listed(hostname, new Set());
      this.#addresses.forget(hostname);
      return undefined;
    }
    const virtualIps = this.#virtualIps.get(hostname);
    if (!virtualIps) {
      this.#addresses.ask(hostname);
      return 'waiting';
    }
    const { service, drafts, problems } = mergeSources(ref, sources);
    this.#claimAliases(hostname, service.aliases, this.#sources.rank(sources[0]!), changed);
    const aliases = service.aliases.filter(alias => this.#aliases.owner(alias) === hostname);
    const lost = service.aliases.filter(alias => !aliases.includes(alias));
    this.#listings.set(hostname, drafts);
    const {
      instances,
      unheard,
      withheld,
      removed,
      http,
      problems: ofWorkloads,
    } = reachAll(drafts, service.ports, {
      workloads: this.#workloads,
      withheld: this.#withheld,
      trustDomain: this.#settings.trustDomain,
    });
    this.#withheld.listed(hostname, removed);
    this.#noteHttp(hostname, http, changed);
    return {
      service: { ...service, aliases, virtualIps },
      instances,
      unheard,
      withheld,
      problems: [...problems, ...ofWorkloads, ...lost.map(alias => this.#lostAlias(alias))],
    };
  }

  #lostAlias(alias: string): Problem {
    return { where: 'aliases', why: `"${alias}" is an alias of ${this.#aliases.owner(alias)} already` };
  }

  #claimAliases(hostname: string, aliases: readonly string[], rank: number, changed: Map<string, ResourceKey>): void {
    const { moved, touched } = this.#aliases.set(hostname, aliases, rank);
    for (const other of touched) this.#dirty.add(other);
    for (const alias of moved)
      for (const name of this.#config.aliasMoved(alias))
        changed.set(`ServiceView/${name}`, { type: 'ServiceView', name });
  }

  #noteHttp(hostname: string, ports: readonly LedTo[], changed: Map<string, ResourceKey>): void {
    for (const name of this.#httpPorts.set(hostname, ports))
      changed.set(`WorkloadPolicy/${name}`, { type: 'WorkloadPolicy', name });
  }

  #noteUse(hostname: string, used: boolean): void {
    this.#virtualIps.setUsed(hostname, used).catch((error: unknown) => {
      this.#logger.warn('the use of a virtual IP was not noted', { hostname, why: messageOf(error) });
    });
  }
}
