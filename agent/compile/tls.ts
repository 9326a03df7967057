import { spiffeId } from '../../auth/identity.ts';
import type { Workload } from '../../manager/model/workload.ts';
import { filter } from './filters.ts';
import { ADS, calledSecret, ROOTS_SECRET } from './names.ts';
import type { JsonMap } from './resource.ts';

/** The SPIFFE ID of a workload. */
export function identityOf(workload: Workload, trustDomain: string): string {
  return spiffeId({ trustDomain, namespace: workload.namespace, serviceAccount: workload.serviceAccount });
}

const PARAMETERS: JsonMap = {
  alpn_protocols: ['h2'],
  // Upstream contexts stop at TLS 1.2 unless told otherwise.
  tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
};

/**
 * The caller's side of a tunnel. Its certificate is that of the workload that calls, chosen for each connection by filter state; which
 * identity the far end must show is said by filter state too. Sessions are not resumed: a session would outlive its certificate.
 */
export function callerTls(): JsonMap {
  const mapper = filter(
    'envoy.tls.upstream_certificate_mappers.filter_state_override',
    'transport_sockets.tls.cert_mappers.filter_state_override.v3.Config',
    { default_value: 'none' },
  );
  return filter('tls', 'transport_sockets.tls.v3.UpstreamTlsContext', {
    max_session_keys: 0,
    common_tls_context: {
      ...PARAMETERS,
      validation_context_sds_secret_config: { name: ROOTS_SECRET, sds_config: ADS },
      custom_tls_certificate_selector: filter(
        'envoy.tls.certificate_selectors.on_demand_secret',
        'transport_sockets.tls.cert_selectors.on_demand_secret.v3.Config',
        { config_source: ADS, certificate_mapper: mapper },
      ),
    },
  });
}

/** The called side of a tunnel: shows the workload's certificate, and wants one of any workload of the mesh. */
export function calledTls(identity: string, trustDomain: string): JsonMap {
  const workloads = { san_type: 'URI', matcher: { prefix: `spiffe://${trustDomain}/ns/` } };
  return filter('tls', 'transport_sockets.tls.v3.DownstreamTlsContext', {
    require_client_certificate: true,
    disable_stateless_session_resumption: true,
    disable_stateful_session_resumption: true,
    common_tls_context: {
      ...PARAMETERS,
      tls_certificate_sds_secret_configs: [{ name: calledSecret(identity), sds_config: ADS }],
      combined_validation_context: {
        default_validation_context: { match_typed_subject_alt_names: [workloads] },
        validation_context_sds_secret_config: { name: ROOTS_SECRET, sds_config: ADS },
      },
    },
  });
}
