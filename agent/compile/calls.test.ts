import test from 'ava';
import { readCalls } from './calls.ts';

test('counts are read from the answer of Envoy; what else it says is skipped', t => {
  const answer = [
    '# TYPE envoy_calls_isthmus_calls counter',
    'envoy_calls_isthmus_calls{source="a/default/web",service="reviews.default.mesh",instance="consul/r 1",status="200"} 17',
    'envoy_calls_isthmus_calls{source="a/default/web",service="",instance="odd \\"name\\" \\\\",status="0"} 1',
    'envoy_cluster_upstream_rq_total{envoy_cluster_name="x"} 3',
    '',
  ].join('\n');
  t.deepEqual(readCalls(answer), [
    { source: 'a/default/web', service: 'reviews.default.mesh', instance: 'consul/r 1', status: 200, calls: 17 },
    { source: 'a/default/web', service: '', instance: 'odd "name" \\', status: 0, calls: 1 },
  ]);
});
