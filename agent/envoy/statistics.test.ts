import test from 'ava';
import { KEPT_STATISTICS } from './statistics.ts';

interface Patterns {
  readonly patterns: readonly { readonly safe_regex?: { readonly regex: string }; readonly prefix?: string }[];
}

/** As Envoy decides it. */
function kept(name: string): boolean {
  const { patterns } = KEPT_STATISTICS['inclusion_list'] as unknown as Patterns;
  return patterns.some(({ safe_regex, prefix }) =>
    prefix === undefined ? new RegExp(safe_regex!.regex).test(name) : name.startsWith(prefix),
  );
}

const NAMES: readonly [name: string, kept: boolean][] = [
  ['cluster.out|reviews.default.mesh|9080|.upstream_rq_total', true],
  ['cluster.out|reviews.default.mesh|9080|v1.upstream_rq_5xx', true],
  ['cluster.out|reviews.default.mesh|9080|v1.upstream_rq_503', false],
  ['cluster.out|reviews.default.mesh|9080|.external.upstream_rq_5xx', false],
  ['cluster.out|reviews.default.mesh|9080|.zone.eu.us.upstream_rq_5xx', false],
  ['cluster.out|reviews.default.mesh|9080|.outlier_detection.ejections_active', true],
  ['cluster.out|reviews.default.mesh|9080|.upstream_cx_length_ms', false],
  ['cluster.app|a/default/reviews|9080.upstream_cx_connect_fail', true],
  ['cluster.hbone.upstream_cx_active', true],
  ['cluster.hbone.internal.upstream_rq_2xx', false],
  ['http.out/a/default/web.downstream_rq_time', true],
  ['http.out/a/default/web.downstream_rq_ws_on_non_ws_route', false],
  ['listener.0.0.0.0_15008.downstream_cx_active', true],
  ['listener.0.0.0.0_15008.ssl.fail_verify_san', true],
  ['listener.0.0.0.0_15008.worker_0.downstream_cx_length_ms', false],
  ['tcp.out/a/default/web.downstream_cx_total', true],
  ['listener_manager.lds.version_text', true],
  ['server.memory_allocated', true],
  ['sds.called|spiffe.update_duration', false],
];
for (const [name, wanted] of NAMES)
  test(`${name} is ${wanted ? 'kept' : 'left out'}`, t => void t.is(kept(name), wanted));
