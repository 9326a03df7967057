import test from 'ava';
import type { TrafficPolicy } from '../../manager/model/config/destination-rule.ts';
import { destinationRule, port, service } from './fixtures.ts';
import { serviceClusters, serviceProblems } from './service.ts';

type Body = Readonly<Record<string, unknown>>;

function clusters(protocol: 'http' | 'tcp' | 'grpc', trafficPolicy?: TrafficPolicy): readonly Body[] {
  const rule = destinationRule('s', { ...(trafficPolicy && { trafficPolicy }), subsets: [{ name: 'v1', labels: {} }] });
  const { view } = service('s', 1, [port(80, protocol)], [], { destinationRule: rule });
  return serviceClusters(view, {}).map(({ body }) => body);
}

test('HTTP: one a subset; TCP: one an address, counted as one', t => {
  t.deepEqual(
    clusters('http').map(({ name }) => name),
    ['out|s.default.mesh|80|', 'out|s.default.mesh|80|v1'],
  );
  t.deepEqual(
    clusters('tcp').map(({ name, alt_stat_name }) => [name, alt_stat_name]),
    [
      ['vip|240.240.0.1:80', 'out|s.default.mesh|80|'],
      ['vip|[fdca::1]:80', 'out|s.default.mesh|80|'],
    ],
  );
});

for (const protocol of ['http', 'grpc'] as const)
  test(`${protocol}: a connection that carries nothing is closed before servers do it, after five seconds`, t => {
    const options = clusters(protocol)[0]?.['typed_extension_protocol_options'] as Record<string, Body> | undefined;
    t.like(options?.['envoy.extensions.upstreams.http.v3.HttpProtocolOptions'], {
      common_http_protocol_options: { max_connection_duration: '3600s', idle_timeout: '4s' },
    });
  });

const BALANCERS = {
  ROUND_ROBIN: 'ROUND_ROBIN',
  RANDOM: 'RANDOM',
  LEAST_REQUEST: 'LEAST_REQUEST',
  UNSPECIFIED: 'LEAST_REQUEST',
  PASSTHROUGH: 'LEAST_REQUEST',
} as const;
for (const [simple, expected] of Object.entries(BALANCERS))
  test(`load balancer ${simple}`, t => {
    const policy = { loadBalancer: { simple: simple as keyof typeof BALANCERS } };
    t.is(clusters('http', policy)[0]?.['lb_policy'], expected);
    const rule = destinationRule('s', { trafficPolicy: policy, subsets: [] });
    t.is(
      serviceProblems(service('s', 1, [], [], { destinationRule: rule }).view, []).length,
      simple === 'PASSTHROUGH' ? 1 : 0,
    );
  });

test('outlier detection: unreachable instances always for HTTP, answers only as a DestinationRule says', t => {
  t.like(clusters('http')[0]?.['outlier_detection'], { enforcing_consecutive_5xx: 0, max_ejection_percent: 100 });
  t.is(clusters('tcp')[0]?.['outlier_detection'], undefined);
  const told = { consecutive5xxErrors: 0, consecutiveGatewayErrors: 3, intervalMs: 1500, maxEjectionPercent: 50 };
  t.like(clusters('grpc', { outlierDetection: told })[0]?.['outlier_detection'], {
    enforcing_consecutive_5xx: 0,
    consecutive_gateway_failure: 3,
    enforcing_consecutive_gateway_failure: 100,
    interval: '1.5s',
    base_ejection_time: '30s',
    max_ejection_percent: 50,
  });
});
