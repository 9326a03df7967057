import { type JsonMap, type Resource, resource, TYPE } from '../../agent/compile/resource.ts';

const EXTENSION = 'type.googleapis.com/envoy.extensions.';
/** Has Envoy ask the agent. */
export const ADS = { ads: {}, resource_api_version: 'V3' } as const;

/** An extension with its config. */
export function typed(name: string, type: string, config: JsonMap = {}): JsonMap {
  return { name, typed_config: { '@type': `${EXTENSION}${type}`, ...config } };
}

/** A cluster that takes its endpoints over xDS. */
export function cluster(name: string, config: JsonMap = {}): Resource {
  const body = { name, type: 'EDS', connect_timeout: '1s', eds_cluster_config: { eds_config: ADS }, ...config };
  return resource(TYPE.cluster, name, body, [`service ${name}`]);
}

/** Endpoints on this machine. */
export function endpoints(name: string, ...ports: readonly number[]): Resource {
  const at = (port: number): JsonMap => ({ endpoint: { address: socketAddress(port) } });
  const body = { cluster_name: name, endpoints: [{ lb_endpoints: ports.map(at) }] };
  return resource(TYPE.endpoints, name, body, [`service ${name}`]);
}

/** An HTTP listener that takes its routes over xDS. */
export function listener(name: string, port: number, routes: string): Resource {
  const hcm = typed('hcm', 'filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'out',
    rds: { route_config_name: routes, config_source: ADS },
    http_filters: [typed('router', 'filters.http.router.v3.Router')],
  });
  const body = { name, address: socketAddress(port), filter_chains: [{ filters: [hcm] }] };
  return resource(TYPE.listener, name, body, [`workload ${name}`]);
}

/** Routes by host to the cluster of that name. */
export function routes(name: string, clusters: readonly string[]): Resource {
  const virtualHosts = clusters.map(to => ({
    name: to,
    domains: [to],
    routes: [{ match: { prefix: '/' }, route: { cluster: to } }],
  }));
  return resource(TYPE.routes, name, { name, virtual_hosts: virtualHosts }, [`VirtualService default/${name}`]);
}

/** All that leads calls of a port to a program. @param name of its service, which is what callers must name as the host. */
export function service(name: string, appPort: number, port: number): Resource[] {
  return [cluster(name), endpoints(name, appPort), listener('out', port, 'r'), routes('r', [name])];
}

export function socketAddress(port: number): JsonMap {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}
