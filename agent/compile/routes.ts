import { describeObject } from '../../manager/model/config/object.ts';
import type { HttpRoute, VirtualService } from '../../manager/model/config/virtual-service.ts';
import type { ServiceView } from '../../manager/model/host-view.ts';
import type { ServicePort } from '../../manager/model/service.ts';
import { answer } from './answer.ts';
import { duration } from './clusters.ts';
import { type Directory, type Target, targetOf } from './destination.ts';
import type { Problem } from './input.ts';
import { ADDRESS_HEADER, addressWithPort, serviceCluster } from './names.ts';
import { type JsonMap, type Resource, resource, TYPE } from './resource.ts';
import { DEFAULT_RETRIES, withRetries } from './retries.ts';

/** The part of a route table that serves one service. */
export interface VirtualHost {
  readonly body: JsonMap;
  readonly origins: readonly string[];
  readonly problems: readonly Problem[];
}

/** Name of the route table of a service port's number. */
export function outboundRoutes(port: number): string {
  return `out/${port}`;
}

/**
 * A route table: the virtual host is chosen by the address that was dialled, not by the Host header, so that any name and also the
 * bare address of a service reach it.
 */
export function routeTableOf(port: number, hosts: readonly VirtualHost[]): Resource {
  const name = outboundRoutes(port);
  const unknown = {
    name: 'unknown',
    domains: ['*'],
    routes: [{ match: { prefix: '/' }, ...answer(503, `no service has this address with HTTP on port ${port}`) }],
  };
  const body = {
    name,
    vhost_header: ADDRESS_HEADER,
    request_headers_to_remove: [ADDRESS_HEADER],
    virtual_hosts: [...hosts.map(host => host.body), unknown],
  };
  return resource(TYPE.routes, name, body, [...new Set(hosts.flatMap(host => host.origins))]);
}

/** The routes of a service at one of its HTTP ports. */
export function virtualHost(
  { service, virtualServices }: ServiceView,
  port: ServicePort,
  directory: Directory,
): VirtualHost {
  const problems: Problem[] = [];
  const routes = virtualServices.flatMap(object =>
    object.spec.http.flatMap((rule, index) => routesOf(rule, index, object, port, directory, problems)),
  );
  if (routes.length === 0)
    routes.push(
      ...withRetries({}, { route: { cluster: serviceCluster(service.hostname, port.number), timeout: '0s' } }),
    );
  return {
    body: {
      name: service.hostname,
      domains: service.virtualIps.map(address => addressWithPort(address, port.number)),
      retry_policy: DEFAULT_RETRIES,
      routes,
    },
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
