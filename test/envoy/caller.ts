import { http, socket, stamp, value } from '../../agent/compile/filters.ts';
import { SOURCE_KEY, serviceCluster } from '../../agent/compile/names.ts';
import { type Resource, resource, TYPE } from '../../agent/compile/resource.ts';

/** Calls a service as a workload would whose traffic is captured. */
export function caller(port: number, identity: string, to: string): Resource {
  const name = `${identity} calls ${to}`;
  const route = { match: { prefix: '/' }, route: { cluster: serviceCluster(`${to}.default.mesh`, 80) } };
  const who = stamp([value(SOURCE_KEY, identity)], 'on_new_connection');
  const manager = http(name, { route_config: { virtual_hosts: [{ name: to, domains: ['*'], routes: [route] }] } });
  const body = { name, address: socket('127.0.0.1', port), filter_chains: [{ filters: [who, manager] }] };
  return resource(TYPE.listener, name, body, []);
}
