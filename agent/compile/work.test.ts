import test from 'ava';
import type { ServiceView } from '../../manager/model/host-view.ts';
import { Compiler } from './compile.ts';
import * as make from './fixtures.ts';
import type { HostInput, ServiceInput } from './input.ts';
import { Memo } from './memo.ts';

const A = make.host('a', '10.0.0.1');
const B = make.host('b', '10.0.0.2');
const web = make.workload(A, 'web', [make.port(8080)]);
const other = make.workload(A, 'other', [make.port(8081)]);
const here = make.instance(A, web, { ports: { 'http-9080': 8080 } });
const alsoHere = make.instance(A, other, { ports: { 'http-9080': 8081 } });
const there = make.instance(B, make.workload(B, 'far', [make.port(9080)]));
const SERVICES = 100;

/** Services on one port, the first two of them on this host too, which note the names of those that are compiled, and routed. */
function watched() {
  const clusters: string[] = [];
  const routes: string[] = [];
  const service = (index: number, weight = 1): ServiceInput => {
    const instances = [{ ...there, weight }, ...[here, alsoHere].slice(index, index + 1)];
    const made = make.service(`s${index}`, index + 1, [make.port(9080)], instances);
    return { ...made, view: watch(made.view) };
  };
  const watch = ({ service }: ServiceView): ServiceView => ({
    service,
    get virtualServices() {
      routes.push(service.name);
      return [];
    },
    get destinationRule() {
      clusters.push(service.name);
      return make.destinationRule(service.name, { subsets: [] });
    },
  });
  const input = make.input(
    A,
    [web, other],
    Array.from({ length: SERVICES }, (_, index) => service(index)),
  );
  const compiler = new Compiler();
  /** The services that were looked into. */
  const looked = (changed: HostInput) => {
    clusters.length = 0;
    routes.length = 0;
    compiler.compile(changed);
    return { clusters: [...new Set(clusters)], routes: new Set(routes).size };
  };
  const set = (changed: ServiceInput): HostInput => ({
    ...input,
    services: new Map(input.services).set(changed.view.service.hostname, changed),
  });
  const first = looked(input).clusters.length;
  if (first !== SERVICES) throw new Error(`${first} services were compiled at first`);
  return { input, looked, set, service };
}

test('new instances of a service have nobody look into another, nor at any routes', t => {
  const { input, looked, set } = watched();
  const fourth = [...input.services.values()][4]!;
  t.deepEqual(looked(set({ ...fourth, instances: [{ ...there, weight: 7 }] })), { clusters: ['s4'], routes: 0 });
});

test('a service whose config changed is compiled alone', t => {
  const { looked, set, service } = watched();
  t.deepEqual(looked(set(service(4))).clusters, ['s4']);
});

test('a workload that changed has those services compiled that it is an instance of', t => {
  const { input, looked } = watched();
  const policy = make.policyOf(web.local.workload.uid, [make.authorizationPolicy('DENY', 'x')]);
  const workloads = [{ ...web, policy }, other];
  t.deepEqual(looked({ ...input, workloads }), { clusters: ['s0'], routes: 0 });
  t.deepEqual(looked({ ...input, workloads }), { clusters: [], routes: 0 });
});

test('what is made of parts has them looked at when something in it changed, and finds those that did not', t => {
  const memo = new Memo();
  const made: string[] = [];
  const pass = (whole: readonly unknown[], parts: Readonly<Record<string, unknown>>): unknown => {
    memo.begin();
    const value = memo.nest<string>('whole', whole, (inner, before) => {
      const each = Object.entries(parts).map(([key, input]) =>
        inner.get(key, [input], () => {
          made.push(key);
          return key;
        }),
      );
      return `${before ?? ''}>${each.join()}`;
    });
    memo.end();
    return value;
  };
  t.is(pass([1], { a: 1, b: 1 }), '>a,b');
  t.is(pass([1], { a: 2, b: 2 }), '>a,b', 'nothing was looked at');
  t.is(pass([2], { a: 1, b: 2 }), '>a,b>a,b');
  t.deepEqual(made, ['a', 'b', 'b']);
  pass([3], { b: 2 });
  pass([4], { a: 1, b: 2 });
  t.deepEqual(made, ['a', 'b', 'b', 'a'], 'what was not asked for is forgotten');
  memo.begin();
  memo.end();
  t.is(pass([4], { a: 1 }), '>a', 'and so is the whole, with all its parts');
});
