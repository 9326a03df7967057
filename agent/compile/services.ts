import type { ServiceView } from '../../manager/model/host-view.ts';
import { isHttp } from '../../manager/model/service.ts';
import { delivered } from './app.ts';
import { type Deliveries, deliveriesTo, maySkipTheListener } from './deliveries.ts';
import { Directory, destinationsOf } from './destination.ts';
import { farHostsOf } from './far-hosts.ts';
import type { HostInput, Problem, ServiceInput } from './input.ts';
import { kept } from './kept.ts';
import type { Memo } from './memo.ts';
import type { Resource } from './resource.ts';
import { routeTableOf, type ServiceRoutes, serviceRoutes } from './routes.ts';
import { serviceClusters, serviceEndpoints, serviceProblems } from './service.ts';

/** What is made of a service and its instances alone. */
export interface CompiledService {
  readonly resources: readonly Resource[];
  readonly problems: readonly Problem[];
  /** See {@link farHostsOf}. */
  readonly farHosts: string;
}

/** The clusters of a service and what stands behind them. @param all deliveries of the host. */
export function compiledService(
  { view, instances }: ServiceInput,
  { host, settings }: Pick<HostInput, 'host' | 'settings'>,
  all: Deliveries,
  memo: Memo,
): CompiledService {
  // A workload that comes, or is let be called otherwise, is nothing to services that it is no instance of.
  const deliveries = deliveriesTo(instances, host.name, all);
  const inputs = [view, instances, host.name, settings, ...deliveries.values()];
  return memo.nest<CompiledService>(`service ${view.service.hostname}`, inputs, (parts, before) => {
    const delivers = parts.get('delivers', [instances, settings], () =>
      maySkipTheListener(instances) ? delivered(settings.transparent) : {},
    );
    const clusters = parts.get('clusters', [view, delivers], () => serviceClusters(view, delivers));
    const endpoints = parts.get('endpoints', [view, instances, host.name, ...deliveries.values()], () =>
      serviceEndpoints(view, instances, host.name, deliveries),
    );
    return {
      resources: kept([...clusters, ...endpoints], before?.resources),
      problems: serviceProblems(view, instances),
      farHosts: farHostsOf(instances, host.name),
    };
  });
}

/** The route tables of the HTTP ports, and what of routes cannot be followed. */
export interface CompiledRoutes {
  readonly tables: readonly Resource[];
  readonly problems: readonly Problem[];
}

/** New instances change no route: while the views are the same objects, nothing is looked at. */
export function compiledRoutes(services: HostInput['services'], memo: Memo): CompiledRoutes {
  const views = [...services.values()].map(({ view }) => view);
  return memo.nest<CompiledRoutes>('routes', views, (parts, before) => {
    const directory = new Directory(services);
    const tables = new Map<number, ServiceRoutes[]>();
    // Nobody can call a service that has no address yet.
    for (const view of views.filter(({ service }) => service.virtualIps.length > 0)) {
      const used = destinationsUsed(view, directory);
      for (const port of view.service.ports.filter(({ protocol }) => isHttp(protocol))) {
        const key = `routes ${view.service.hostname} ${port.number}`;
        const made = parts.get(key, [view, ...used], () => serviceRoutes(view, port, directory));
        const table = tables.get(port.number);
        if (table) table.push(made);
        else tables.set(port.number, [made]);
      }
    }
    const made = [...tables].map(([port, of]) => parts.get(`table ${port}`, of, () => routeTableOf(port, of)));
    const problems = [...tables.values()].flatMap(table => table.flatMap(({ problems }) => problems));
    return { tables: kept(made, before?.tables), problems };
  });
}

/** The services that a service's routes name, found or not: its routes change when one of them does. */
function destinationsUsed(view: ServiceView, directory: Directory): readonly (ServiceView | undefined)[] {
  return destinationsOf(view).map(names => names.map(name => directory.get(name)).find(found => found !== undefined));
}
