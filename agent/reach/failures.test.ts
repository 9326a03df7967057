import test from 'ava';
import type { ClusterPlace } from '../envoy/admin.ts';
import { Failures } from './failures.ts';

const { signal } = new AbortController();

/** An Envoy that has only counters. */
class Counters {
  places_: ClusterPlace[] = [];
  looks = 0;

  count(cluster: string, port: number, failed: number): void {
    this.places_ = this.places_.filter(place => place.cluster !== cluster || place.port !== port);
    this.places_.push({ cluster, address: '10.0.0.2', port, failed });
  }

  stats(): Promise<{ name: string; value: number }[]> {
    const of = Map.groupBy(this.places_, ({ cluster }) => cluster);
    const sum = (all: readonly ClusterPlace[]): number => all.reduce((total, { failed }) => total + failed, 0);
    return Promise.resolve(
      [...of].map(([cluster, all]) => ({ name: `cluster.${cluster}.upstream_cx_connect_fail`, value: sum(all) })),
    );
  }

  places(names: readonly string[]): Promise<ClusterPlace[]> {
    this.looks += 1;
    return Promise.resolve(this.places_.filter(({ cluster }) => names.includes(cluster)));
  }
}

test('what failed since the last look is found, and only what counted on is looked at', async t => {
  const envoy = new Counters();
  const failures = new Failures(envoy);
  const next = async (): Promise<number[]> => (await failures.next(signal)).map(({ port }) => port);
  envoy.count('out|a.b|80|', 1, 5);
  envoy.count('out|a.b|80|', 2, 0);
  t.deepEqual(await next(), [], 'before the first look nobody knows since when');
  t.deepEqual([await next(), envoy.looks], [[], 1]);
  envoy.count('out|a.b|80|', 2, 1);
  t.deepEqual([await next(), envoy.looks], [[2], 2]);
  envoy.count('hbone', 15_008, 3);
  t.deepEqual(await next(), [15_008], 'a cluster that is new begins at nothing');
  envoy.places_ = [];
  envoy.count('hbone', 15_008, 1);
  t.deepEqual(await next(), [15_008], 'the counters of another Envoy begin anew');
});

test('of many clusters whose connections fail all are looked at, some later', async t => {
  const envoy = new Counters();
  const failures = new Failures(envoy);
  await failures.next(signal);
  for (let port = 1; port <= 120; port += 1) envoy.count(`out|s${port}|80|`, port, 1);
  const found = [await failures.next(signal), await failures.next(signal), await failures.next(signal)];
  t.deepEqual(
    found.map(({ length }) => length),
    [50, 50, 20],
  );
  t.is(new Set(found.flat().map(({ port }) => port)).size, 120);
});
