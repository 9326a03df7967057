import test from 'ava';
import { type JsonMap, type Resource, resource, TYPE } from '../../agent/compile/resource.ts';
import { freePort } from '../ports.ts';
import { serialsOf } from './admin.ts';
import { authority, certificate } from './authority.ts';
import { soon, stage } from './fixture.ts';
import { call } from './http.ts';
import { ADS, socketAddress, typed } from './resources.ts';

const WEB = 'spiffe://mesh/ns/default/sa/web';
const OTHER = 'spiffe://mesh/ns/default/sa/other';
const REVIEWS = 'spiffe://mesh/ns/default/sa/reviews';
const TLS = 'transport_sockets.tls';
const ROOTS = { name: 'roots', sds_config: ADS };

function hcm(routes: readonly JsonMap[]): JsonMap {
  return typed('hcm', 'filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'x',
    route_config: { virtual_hosts: [{ name: 'x', domains: ['*'], routes }] },
    http_filters: [typed('router', 'filters.http.router.v3.Router')],
  });
}

/** The side of the caller: the listener is the identity, which is the name of the certificate that is asked for. */
function caller(name: string, port: number, identity: string): Resource {
  const stamp = typed('stamp', 'filters.network.set_filter_state.v3.Config', {
    on_new_connection: [
      {
        object_key: 'envoy.tls.certificate_mappers.on_demand_secret',
        factory_key: 'envoy.hashable_string',
        format_string: { text_format_source: { inline_string: identity } },
        shared_with_upstream: 'TRANSITIVE',
      },
    ],
  });
  const body = {
    name,
    address: socketAddress(port),
    filter_chains: [{ filters: [stamp, hcm([{ match: { prefix: '/' }, route: { cluster: 'far' } }])] }],
  };
  return resource(TYPE.listener, name, body, [`workload ${name}`]);
}

function far(port: number): Resource {
  const selector = typed(
    'envoy.tls.certificate_selectors.on_demand_secret',
    `${TLS}.cert_selectors.on_demand_secret.v3.Config`,
    {
      config_source: ADS,
      certificate_mapper: typed(
        'envoy.tls.upstream_certificate_mappers.filter_state_override',
        `${TLS}.cert_mappers.filter_state_override.v3.Config`,
        { default_value: 'none' },
      ),
    },
  );
  const tls = typed('tls', `${TLS}.v3.UpstreamTlsContext`, {
    max_session_keys: 0,
    common_tls_context: {
      tls_params: { tls_maximum_protocol_version: 'TLSv1_3' },
      validation_context_sds_secret_config: ROOTS,
      custom_tls_certificate_selector: selector,
    },
  });
  const assignment = {
    cluster_name: 'far',
    endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(port) } }] }],
  };
  const body = {
    name: 'far',
    type: 'STATIC',
    connect_timeout: '2s',
    transport_socket: tls,
    load_assignment: assignment,
  };
  return resource(TYPE.cluster, 'far', body, ['service far']);
}

/** The far side: tells who called. */
function called(port: number): Resource {
  const tls = typed('tls', `${TLS}.v3.DownstreamTlsContext`, {
    require_client_certificate: true,
    common_tls_context: {
      tls_certificate_sds_secret_configs: [{ name: REVIEWS, sds_config: ADS }],
      validation_context_sds_secret_config: ROOTS,
    },
  });
  const answer = { match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'ok ' } } };
  const who = { key: 'x-who', value: '%DOWNSTREAM_PEER_URI_SAN%' };
  const route = { ...answer, response_headers_to_add: [{ header: who }] };
  const chain = { transport_socket: tls, filters: [hcm([route])] };
  const body = { name: 'tunnel', address: socketAddress(port), filter_chains: [chain] };
  return resource(TYPE.listener, 'tunnel', body, ['workload reviews']);
}

test('certificates are asked for by identity; one that is missing fails at once, and works as soon as it is there', async t => {
  await using on = await stage();
  const [webPort, otherPort, tunnel] = [await freePort(), await freePort(), await freePort()];
  const ca = authority('mesh');
  const { ads } = await on.serve(
    [caller('web', webPort, WEB), caller('other', otherPort, OTHER), far(tunnel), called(tunnel)],
    { secrets: { certificates: [certificate(ca, WEB), certificate(ca, REVIEWS)], roots: ca.root } },
  );
  t.deepEqual(await ads.applied(soon()), []);

  t.like(await call(webPort, 'far'), { status: 200, who: WEB });
  const began = performance.now();
  t.is((await call(otherPort, 'far')).status, 503);
  t.true(performance.now() - began < 500, 'a missing certificate must not cost a connection timeout');
  t.is((await call(webPort, 'far')).status, 200);

  ads.setSecrets([certificate(ca, WEB), certificate(ca, REVIEWS), certificate(ca, OTHER)], ca.root);
  await ads.applied(soon());
  t.like(await call(otherPort, 'far'), { status: 200, who: OTHER });

  ads.setSecrets([certificate(ca, WEB), certificate(ca, REVIEWS)], ca.root);
});

test('new certificates of a new authority take the place of the old ones', async t => {
  await using on = await stage();
  const [port, tunnel] = [await freePort(), await freePort()];
  const [old, fresh] = [authority('mesh'), authority('mesh')];
  const secrets = { certificates: [certificate(old, WEB), certificate(old, REVIEWS)], roots: old.root };
  const { ads } = await on.serve([caller('web', port, WEB), far(tunnel), called(tunnel)], { secrets });
  t.is((await call(port, 'far')).status, 200);
  const before = await serialsOf(on.paths);
  const renewed = [certificate(fresh, WEB), certificate(fresh, REVIEWS)];
  ads.setSecrets(renewed, fresh.root);
  t.deepEqual(await ads.applied(soon()), []);
  t.notDeepEqual(await serialsOf(on.paths), before);
  t.is((await call(port, 'far')).status, 200);
});
