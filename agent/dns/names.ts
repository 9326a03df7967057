import type { ServiceName } from '../../manager/model/host-view.ts';
import { MESH_DOMAIN, type ServicePort } from '../../manager/model/service.ts';
import { shortest } from '../../manager/model/util/address.ts';
import { isWithin } from './reverse.ts';

/** What a name means. */
export type Meaning =
  /** A service. */
  | { readonly kind: 'service'; readonly service: ServiceName }
  /** Ports of a service, asked for as `_http._tcp.<name of the service>`. */
  | { readonly kind: 'ports'; readonly service: ServiceName; readonly ports: readonly ServicePort[] }
  /** The address of a service, asked for its name. */
  | { readonly kind: 'address'; readonly service: ServiceName }
  /** Ours, with names below it but no records. */
  | { readonly kind: 'empty' }
  /** Ours, and there is no such name. */
  | { readonly kind: 'missing' }
  /** None of ours: for other servers. */
  | { readonly kind: 'foreign' };

/** This very machine, for every program, whatever a registry lists (RFC 6761, 6.3). */
const LOCALHOST = /(^|\.)localhost$/;
const SRV_NAME = /^_([a-z0-9-]+)\._(tcp|udp)\.(.+)$/;
const FOREIGN: Meaning = { kind: 'foreign' };
const MISSING: Meaning = { kind: 'missing' };
const EMPTY: Meaning = { kind: 'empty' };

/** Every name that the mesh answers to. Names are in lower case. */
export class NameTable {
  /** By canonical hostname, `<name>.<namespace>` and alias. */
  readonly #names = new Map<string, ServiceName>();
  /** By name alone, then by namespace. */
  readonly #short = new Map<string, Map<string, ServiceName>>();
  /** `<namespace>.mesh`, and what lies between a service and its ports. */
  readonly #inner = new Set<string>([MESH_DOMAIN]);
  readonly #services: readonly ServiceName[];
  /** By virtual IP; made when somebody asks for one, which is rare. */
  #addresses: Map<string, ServiceName> | undefined;

  constructor(services: readonly ServiceName[]) {
    this.#services = services;
    for (const service of services) {
      const { name, namespace, hostname } = service;
      this.#names.set(hostname.toLowerCase(), service);
      this.#inner.add(`${namespace}.${MESH_DOMAIN}`);
      const namesakes = this.#short.get(name) ?? new Map<string, ServiceName>();
      this.#short.set(name, namesakes.set(namespace, service));
    }
    // No name of a service can be taken away by another's alias, nor an alias by a later one.
    for (const service of services) this.#add(`${service.name}.${service.namespace}`, service);
    for (const service of services) for (const alias of service.aliases) this.#add(alias.toLowerCase(), service);
  }

  /** Whether a name means different services to askers of different namespaces. */
  dependsOnAsker(name: string): boolean {
    const namesakes = this.#short.get(serviceNameOf(name));
    return namesakes !== undefined && (namesakes.size > 1 || !namesakes.has('default'));
  }

  /** @param namespace of the asker, where a short name is looked for before the namespace `default`. */
  look(name: string, namespace?: string): Meaning {
    if (LOCALHOST.test(name)) return FOREIGN;
    const service = this.#find(name, namespace);
    if (service) return { kind: 'service', service };
    const ports = this.#ports(name, namespace);
    if (ports) return ports;
    if (name !== MESH_DOMAIN && !name.endsWith(`.${MESH_DOMAIN}`)) return FOREIGN;
    return this.#inner.has(name) ? EMPTY : MISSING;
  }

  /** @param address canonical. @param ranges those of virtual IPs. */
  lookAddress(address: string, ranges: readonly string[]): Meaning {
    this.#addresses ??= new Map(
      this.#services.flatMap(each => each.virtualIps.map(ip => [shortest(ip), each] as const)),
    );
    const service = this.#addresses.get(address);
    if (service) return { kind: 'address', service };
    return isWithin(address, ranges) ? MISSING : FOREIGN;
  }

  #add(name: string, service: ServiceName): void {
    if (!this.#names.has(name)) this.#names.set(name, service);
  }

  #find(name: string, namespace: string | undefined): ServiceName | undefined {
    const namesakes = name.includes('.') ? undefined : this.#short.get(name);
    const near = namespace === undefined ? undefined : namesakes?.get(namespace);
    return near ?? namesakes?.get('default') ?? this.#names.get(name);
  }

  /** A port is asked for by its name or its protocol. */
  #ports(name: string, namespace: string | undefined): Meaning | undefined {
    const [, label, transport, rest] = SRV_NAME.exec(name) ?? [];
    const service = rest === undefined ? undefined : this.#find(rest, namespace);
    if (!service) {
      const below = /^_(tcp|udp)\.(.+)$/.exec(name)?.[2];
      return below !== undefined && this.#find(below, namespace) ? EMPTY : undefined;
    }
    const ports = service.ports.filter(port => {
      return (
        (port.protocol === 'udp') === (transport === 'udp') &&
        (port.name.toLowerCase() === label || port.protocol === label)
      );
    });
    return ports.length > 0 ? { kind: 'ports', service, ports } : MISSING;
  }
}

/** What is left of a name without the labels of a port. */
function serviceNameOf(name: string): string {
  return SRV_NAME.exec(name)?.[3] ?? name;
}
