import { isIPv6 } from 'node:net';
import { placeOfTunnel } from './far-hosts.ts';
import { filter, socket, stamp, tcpProxy, value } from './filters.ts';
import { ADS, METADATA } from './names.ts';
import { type JsonMap, type Resource, resource, TYPE } from './resource.ts';
import { callerTls } from './tls.ts';
import { LIMITS, tunnelProtocol } from './upstream.ts';

/** Internal listener, cluster and list of hosts that carry calls to other hosts: HTTP/2 CONNECT in mutual TLS. */
export const HBONE = 'hbone';

/**
 * Calls to a host that is gone without a word fail within 15 s. When a server closes first, the far Envoy resets its tunnel at once, and
 * what then waits for window is lost: so one tunnel must not wait for another, nor for a caller that reads slowly.
 */
const TUNNEL: JsonMap = {
  connection_keepalive: { interval: '10s', timeout: '5s' },
  initial_stream_window_size: 64 * 1024 * 1024,
  initial_connection_window_size: 2 ** 31 - 1,
};

/** Of all hosts the one that the endpoint names, so that all calls to it share its tunnels; none when it is not listed, never another. */
const HOST_OF_ENDPOINT: JsonMap = {
  policies: [
    policy('override_host.v3.OverrideHost', {
      override_host_sources: [{ metadata: { key: METADATA, path: [{ key: 'host' }] } }],
      fallback_policy: {
        policies: [
          // Nobody asks for a subset, so there is none to choose from.
          policy('subset.v3.Subset', {
            fallback_policy: 'NO_FALLBACK',
            subset_selectors: [{ keys: ['none'] }],
            subset_lb_policy: { policies: [policy('random.v3.Random')] },
          }),
        ],
      },
    }),
  ],
};

function policy(type: string, fields: JsonMap = {}): JsonMap {
  return { typed_extension_config: filter(type, `load_balancing_policies.${type}`, fields) };
}

const far = (field: string): string => `%DYNAMIC_METADATA(${METADATA}:${field})%`;

const ORIGINS = ['tunnels'];

/** Everything about the far end comes with the endpoint, so that one listener and one cluster serve all services. */
export function hbone(): readonly Resource[] {
  const serverName = 'envoy.network.upstream_server_name';
  const names = 'envoy.network.upstream_subject_alt_names';
  const target = stamp(
    [value(serverName, far('sni'), serverName, 'ONCE'), value(names, far('san'), names, 'ONCE')],
    'on_new_connection',
  );
  const tunnel = tcpProxy(HBONE, HBONE, { tunneling_config: { hostname: far('authority') } });
  const listener = { name: HBONE, internal_listener: {}, filter_chains: [{ name: HBONE, filters: [target, tunnel] }] };
  const cluster = {
    name: HBONE,
    type: 'EDS',
    eds_cluster_config: { service_name: HBONE, eds_config: ADS },
    load_balancing_policy: HOST_OF_ENDPOINT,
    connect_timeout: '2s',
    transport_socket: callerTls(),
    circuit_breakers: LIMITS,
    ...tunnelProtocol(TUNNEL),
  };
  return [resource(TYPE.listener, HBONE, listener, ORIGINS), resource(TYPE.cluster, HBONE, cluster, ORIGINS)];
}

/**
 * The hosts that calls can be carried to. Envoy refuses a list for one address that it cannot have, and with it all others.
 * @param ipv6 whether this host has it.
 */
export function hboneHosts(hosts: readonly string[], ipv6: boolean): Resource {
  const places = hosts.flatMap(host => placeOfTunnel(host) ?? []).filter(({ address }) => ipv6 || !isIPv6(address));
  const endpoints = places.map(({ address, port }) => ({ endpoint: { address: socket(address, port) } }));
  const body = { cluster_name: HBONE, endpoints: [{ lb_endpoints: endpoints }] };
  return resource(TYPE.endpoints, HBONE, body, ORIGINS);
}
