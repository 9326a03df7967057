import { describeObject } from '../../manager/model/config/object.ts';
import type { HttpRoute, VirtualService } from '../../manager/model/config/virtual-service.ts';
import type { ServiceView } from '../../manager/model/host-view.ts';
import type { ServicePort } from '../../manager/model/service.ts';
import { answer } from './answer.ts';
import { duration } from './clusters.ts';
import { type Directory, type Target, targetOf } from './destination.ts';
import type { Problem } from './input.ts';
import { filterState, routeAction } from './matcher.ts';
import { ADDRESS_KEY, addressWithPort, serviceCluster } from './names.ts';
import { digest, type JsonMap, type Part, type Resource, resource, TYPE } from './resource.ts';
import { DEFAULT_RETRIES, withRetries } from './retries.ts';

/** The part of a route table that serves one service. */
export interface ServiceRoutes extends Part {
  /** What callers dial, as Envoy writes it: `240.240.0.1:80`. */
  readonly addresses: readonly string[];
  /** In order; the first that matches holds. */
  readonly routes: readonly JsonMap[];
  /** What a table says of each of the addresses, of these routes. Stays the same object, so that it is encoded once. */
  readonly action: JsonMap;
  readonly problems: readonly Problem[];
}

/** Name of the route table of a service port's number. */
export function outboundRoutes(port: number): string {
  return `out/${port}`;
}

/**
 * A route table: the service is chosen by the address that was dialled, not by the Host header, so that any name and also the bare
 * address of a service reach it.
 */
export function routeTableOf(port: number, services: readonly ServiceRoutes[]): Resource {
  const name = outboundRoutes(port);
  const unknown = {
    match: { prefix: '/' },
    ...answer(503, `no service has this address with HTTP on port ${port}`),
  };
  const byAddress = services.flatMap(({ addresses, action }) => addresses.map(address => [address, action] as const));
  const host = {
    name: 'services',
    domains: ['*'],
    retry_policy: DEFAULT_RETRIES,
    matcher: {
      matcher_tree: { input: filterState(ADDRESS_KEY), exact_match_map: { map: Object.fromEntries(byAddress) } },
      on_no_match: { action: routeAction('unknown', [unknown]) },
    },
  };
  const origins = [...new Set(services.flatMap(service => service.origins))];
  const parts = services.map(({ content, origins: own }) => ({ content, origins: own }));
  return { ...resource(TYPE.routes, name, { name, virtual_hosts: [host] }, origins), parts };
}

/** The routes of a service at one of its HTTP ports. */
export function serviceRoutes(
  { service, virtualServices }: ServiceView,
  port: ServicePort,
  directory: Directory,
): ServiceRoutes {
  const problems: Problem[] = [];
  const routes = virtualServices.flatMap(object =>
    object.spec.http.flatMap((rule, index) => routesOf(rule, index, object, port, directory, problems)),
  );
  if (routes.length === 0)
    routes.push(
      ...withRetries({}, { route: { cluster: serviceCluster(service.hostname, port.number), timeout: '0s' } }),
    );
  const addresses = service.virtualIps.map(address => addressWithPort(address, port.number));
  return {
    addresses,
    routes,
    action: { action: routeAction('service', routes) },
    content: digest([addresses, routes]),
    origins: [`service ${service.hostname}`, ...virtualServices.map(describeObject)],
    problems,
  };
}

/** One route for each match of a rule that holds for the port; none when no match does. */
function routesOf(
  rule: HttpRoute,
  index: number,
  object: VirtualService,
  port: ServicePort,
  directory: Directory,
  problems: Problem[],
): JsonMap[] {
  const matches = (rule.match.length === 0 ? [{}] : rule.match).filter(
    match => match.port === undefined || match.port === port.number,
  );
  if (matches.length === 0) return [];
  const action = actionOf(rule, object, port, directory, problems);
  const name = `${describeObject(object)} http[${index}]${rule.name === undefined ? '' : ` ${rule.name}`}`;
  return matches.flatMap(match => withRetries(match, { name, ...action }, rule.retries));
}

function actionOf(
  rule: HttpRoute,
  object: VirtualService,
  port: ServicePort,
  directory: Directory,
  problems: Problem[],
): JsonMap {
  const shares = rule.route
    .map(({ destination, weight = 1 }) => ({ target: targetOf(destination, object, port, directory), weight }))
    .filter(({ weight }) => rule.route.length === 1 || weight > 0);
  for (const { target } of shares)
    if (target.kind === 'nowhere') problems.push({ origin: describeObject(object), message: target.reason });
  const [first] = shares;
  if (first === undefined) return answer(503, `${describeObject(object)} sends this nowhere: all weights are 0`);
  if (shares.length === 1 && first.target.kind === 'nowhere') return answer(503, first.target.reason);
  return {
    route: {
      ...(shares.length === 1
        ? { cluster: clusterName(first.target) }
        : {
            weighted_clusters: {
              clusters: shares.map(({ target, weight }) => ({ name: clusterName(target), weight })),
            },
          }),
      timeout: duration(rule.timeoutMs ?? 0),
    },
  };
}

/** A share that goes nowhere names a cluster that does not exist, which Envoy answers with 503; the other shares are served. */
function clusterName(target: Target): string {
  return target.kind === 'cluster' ? target.name : `nowhere|${target.reason}`;
}
