import { Directory, destinationsUsed } from '../compile/destination.ts';
import type { HostInput } from '../compile/input.ts';
import { addressWithPort, namespaceLink } from '../compile/names.ts';
import { identityOf } from '../compile/tls.ts';
import type { JudgedPort } from './judged-ports.ts';

/** A workload of this host, as one that may hold connections to another. */
export interface LocalCaller {
  /** SPIFFE ID. */
  readonly source: string;
  /** Path of the network namespace in which its calls arrive at Envoy; undefined is the host. */
  readonly place: string | undefined;
  /** Envoy's own ends of its calls to services that lead to the other workload. */
  readonly ends: ReadonlySet<string>;
}

/**
 * All workloads of the host, each with where its calls arrive that may lead to a port of one of them: calls to a service keep its virtual IP
 * and go to the listener of the workload. Services that only route to one that the workload serves count, too.
 */
export function localCallers(
  { services, workloads, mesh, settings }: HostInput,
  { workload, number }: Pick<JudgedPort, 'workload' | 'number'>,
): readonly LocalCaller[] {
  const serving = new Set(
    [...services.values()].flatMap(({ view, instances }) =>
      instances.some(
        ({ reach, ports }) =>
          reach.kind === 'mesh' && reach.workload === workload && Object.values(ports).includes(number),
      )
        ? [view]
        : [],
    ),
  );
  const directory = new Directory(services);
  const leading = [...services.values()].filter(
    ({ view }) => serving.has(view) || destinationsUsed(view, directory).some(used => used && serving.has(used)),
  );
  const addresses = leading.flatMap(({ view }) => view.service.virtualIps);
  return workloads.map(({ local, outboundPort }) => {
    const place = namespaceLink(settings.namespaces, local);
    const port = place === undefined ? outboundPort : settings.namespaceOutboundPort;
    return {
      source: identityOf(local.workload, mesh.trustDomain),
      place,
      ends: new Set(addresses.map(address => addressWithPort(address, port))),
    };
  });
}
