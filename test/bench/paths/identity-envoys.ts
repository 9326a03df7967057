import { SERVER_PORTS } from '../server.ts';
import { APP, type CallerListeners, callerListeners, type EnvoyPair, farEnvoy, TUNNEL_PORT } from './envoy-pair.ts';
import {
  bootstrap,
  http2,
  internalCluster,
  internalListener,
  type Json,
  stamp,
  tcpProxy,
  typed,
  upstreamTls,
} from './envoy-parts.ts';
import type { Ground } from './path.ts';

const SPIFFE = 'spiffe://cluster.local/ns/default/sa/';
const SOURCE = 'bench.source';
const AUTHORITY = `reviews-1.mesh:${SERVER_PORTS.http}`;

/** Who calls; pools of connections are kept apart by it. */
const WHO_CALLS = stamp({ key: SOURCE, value: `${SPIFFE}web`, factory: 'envoy.hashable_string', shared: 'TRANSITIVE' });

/** Which instance of which host is called, and who that has to be: from the endpoint's metadata. */
const WHO_IS_CALLED = stamp(
  {
    key: 'envoy.network.transport_socket.original_dst_address',
    value: '%DYNAMIC_METADATA(instance:host)%',
    shared: 'NONE',
  },
  { key: 'envoy.network.upstream_server_name', value: '%DYNAMIC_METADATA(instance:sni)%', shared: 'ONCE' },
  { key: 'envoy.network.upstream_subject_alt_names', value: '%DYNAMIC_METADATA(instance:san)%', shared: 'ONCE' },
);

function callerConfig({ far, certificates }: Ground, listeners: CallerListeners): Json {
  const instance = {
    host: `${far.address}:${TUNNEL_PORT}`,
    authority: AUTHORITY,
    sni: 'reviews-1.mesh',
    san: `${SPIFFE}reviews`,
  };
  return bootstrap(
    'caller',
    [
      ...callerListeners(listeners, [WHO_CALLS]),
      internalListener('hbone', {
        filters: [
          WHO_IS_CALLED,
          tcpProxy('tunnel', { tunneling_config: { hostname: '%DYNAMIC_METADATA(instance:authority)%' } }),
        ],
      }),
      { ...internalListener('local', { name: 'let in', filters: [tcpProxy('app')] }), ...letIn('let in') },
    ],
    [
      internalCluster('across', 'hbone', { instance }),
      internalCluster('same', 'local'),
      APP,
      {
        name: 'tunnel',
        connect_timeout: '2s',
        type: 'ORIGINAL_DST',
        lb_policy: 'CLUSTER_PROVIDED',
        ...http2(),
        ...upstreamTls(certificates.root, certificates.web, undefined, 'h2'),
      },
    ],
  );
}

/** Within a host, who calls decides which filter chain there is. */
function letIn(chain: string): Json {
  const input = typed('source', 'matching.common_inputs.network.v3.FilterStateInput', { key: SOURCE });
  const action = {
    name: chain,
    typed_config: { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: chain },
  };
  return {
    filter_chain_matcher: { matcher_tree: { input, exact_match_map: { map: { [`${SPIFFE}web`]: { action } } } } },
  };
}

/** The far Envoy: who may call an instance is checked before that is dialled. */
function farConfig(ground: Ground): Json {
  const rules = {
    action: 'ALLOW',
    policies: {
      web: {
        permissions: [{ any: true }],
        principals: [{ authenticated: { principal_name: { exact: `${SPIFFE}web` } } }],
      },
    },
  };
  return farEnvoy(ground, {
    name: 'reviews-1.mesh',
    match: { headers: [{ name: ':authority', string_match: { exact: AUTHORITY } }] },
    fields: {
      http_filters: [
        typed('rbac', 'filters.http.rbac.v3.RBAC', { rules }),
        typed('router', 'filters.http.router.v3.Router'),
      ],
    },
  });
}

/**
 * Two Envoys that do by hand what a mesh has them do: tunnels by who calls, instances of one host told apart, and callers judged before
 * the application is dialled.
 */
export const WITH_IDENTITIES: EnvoyPair = { name: 'bare Envoys, identities', caller: callerConfig, far: farConfig };
