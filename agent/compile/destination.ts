import { hostCandidates } from '../../manager/model/config/host-names.ts';
import { describeObject } from '../../manager/model/config/object.ts';
import type { RouteDestination, VirtualService } from '../../manager/model/config/virtual-service.ts';
import type { ServiceView } from '../../manager/model/host-view.ts';
import { isHttp, type ServicePort } from '../../manager/model/service.ts';
import type { ServiceInput } from './input.ts';
import { serviceCluster } from './names.ts';

type Destination = RouteDestination['destination'];

/** Where a route goes: a cluster, or nowhere and why. */
export type Target =
  | { readonly kind: 'cluster'; readonly name: string }
  | { readonly kind: 'nowhere'; readonly reason: string };

/** Finds services by the names that config objects use. */
export class Directory {
  readonly #byName = new Map<string, ServiceView>();

  constructor(services: ReadonlyMap<string, ServiceInput>) {
    for (const { view } of services.values()) for (const alias of view.service.aliases) this.#byName.set(alias, view);
    for (const { view } of services.values()) this.#byName.set(view.service.hostname, view);
  }

  /** @param namespace of the object that names the host: short names are meant in it. */
  find(host: string, namespace: string): ServiceView | undefined {
    return hostCandidates(host, namespace)
      .map(name => this.get(name))
      .find(view => view !== undefined);
  }

  /** @param name a canonical hostname or an alias. */
  get(name: string): ServiceView | undefined {
    return this.#byName.get(name);
  }
}

/**
 * The names of other services that calls to this one may be sent to, as {@link Directory} looks them up: a host that uses this
 * service needs those too. For each destination the names that it may mean, likeliest first.
 */
export function destinationsOf({ virtualServices }: ServiceView): readonly (readonly string[])[] {
  return virtualServices.flatMap(({ spec, metadata }) =>
    spec.http.flatMap(({ route }) =>
      route.map(({ destination }) => hostCandidates(destination.host, metadata.namespace)),
    ),
  );
}

/** Where a destination of a VirtualService leads for a call to a port. */
export function targetOf(
  destination: Destination,
  object: VirtualService,
  called: ServicePort,
  directory: Directory,
): Target {
  const nowhere = (what: string): Target => ({
    kind: 'nowhere',
    reason: `${describeObject(object)} sends this to ${what}`,
  });
  const view = directory.find(destination.host, object.metadata.namespace);
  if (view === undefined) return nowhere(`${destination.host}, which is no service here`);
  const { service, destinationRule } = view;
  const port = portOf(destination, service.ports, called);
  if (port === undefined) {
    const number = destination.port?.number ?? called.number;
    return nowhere(
      `${service.hostname}:${number}, which has ${service.ports.map(({ number }) => `port ${number}`).join(', ') || 'no ports'}`,
    );
  }
  if (!isHttp(port.protocol)) return nowhere(`${service.hostname}:${port.number}, which is ${port.protocol}, not HTTP`);
  const { subset = '' } = destination;
  if (subset !== '' && !destinationRule?.spec.subsets.some(({ name }) => name === subset))
    return nowhere(`subset ${subset} of ${service.hostname}, which no DestinationRule defines`);
  return { kind: 'cluster', name: serviceCluster(service.hostname, port.number, subset) };
}

/** The port that is named; else the one that was called; else the only one. */
function portOf({ port }: Destination, ports: readonly ServicePort[], called: ServicePort): ServicePort | undefined {
  const wanted = port?.number ?? called.number;
  const found = ports.find(({ number }) => number === wanted);
  return found ?? (port === undefined && ports.length === 1 ? ports[0] : undefined);
}
