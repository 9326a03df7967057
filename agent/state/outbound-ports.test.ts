import test from 'ava';
import { OutboundPorts } from './outbound-ports.ts';

test('a workload keeps its port over restarts and while it is away', t => {
  const ports = new OutboundPorts({}, 20_000, 20_003);
  const first = ports.assign(['b', 'a']);
  ports.assign(['b']);
  const later = new OutboundPorts(JSON.parse(JSON.stringify(ports)), 20_000, 20_003).assign(['c', 'a', 'b']);
  t.is(later.get('a'), first.get('a'));
  t.is(later.get('b'), first.get('b'));
  t.is(new Set(later.values()).size, 3);
});

test('only when all are taken does the port of one that is away pass on, the longest away first', t => {
  const ports = new OutboundPorts({}, 20_000, 20_001);
  const a = ports.assign(['a']).get('a');
  ports.assign(['b']);
  t.is(ports.assign(['c', 'b']).get('c'), a);
  t.deepEqual([...ports.assign(['a', 'b', 'c']).keys()], ['b', 'c'], 'who is there keeps it');
});

test('two remembered for one port do not share it', t => {
  const assigned = new OutboundPorts({ a: 20_000, b: 20_000, c: 1 }, 20_000, 20_005).assign(['a', 'b', 'c']);
  t.is(new Set(assigned.values()).size, 3);
});

test('a port that others have is given to nobody; who is there keeps it', t => {
  const ports = new OutboundPorts({ a: 20_000 }, 20_000, 20_003);
  ports.assign(['a']);
  const others = (): Set<number> => new Set([20_000, 20_001]);
  t.deepEqual([...ports.assign(['a', 'b', 'c'], others).values()], [20_000, 20_002, 20_003]);
  t.deepEqual([...ports.assign(['a', 'b', 'c', 'd'], others).keys()], ['a', 'b', 'c']);
  t.deepEqual([...ports.assign(['b', 'd'], others).values()], [20_002, 20_003], 'that of one that is away');
});

test('who comes back while others have its port gets another; who is there keeps it', t => {
  const ports = new OutboundPorts({}, 20_000, 20_003);
  ports.assign(['a', 'b']);
  ports.assign(['b']);
  const others = (): Set<number> => new Set([20_000, 20_001]);
  const assigned = ports.assign(['a', 'b'], others);
  t.deepEqual([assigned.get('a'), assigned.get('b')], [20_002, 20_001]);
  t.deepEqual(
    ports.assign(['a', 'b'], () => new Set([20_002])),
    assigned,
  );
});

test('of those of an earlier life, who finds others at its port gets another', t => {
  const ports = new OutboundPorts({ a: 20_000, b: 20_001 }, 20_000, 20_003);
  const assigned = ports.assign(['a', 'b'], () => new Set([20_000]));
  t.deepEqual([assigned.get('a'), assigned.get('b')], [20_002, 20_001]);
});

test('who Envoy could not listen for gets another port if others have it, and if there is another', t => {
  const ports = new OutboundPorts({}, 20_000, 20_002);
  ports.assign(['a', 'b']);
  const others = (): Set<number> => new Set([20_000]);
  t.false(ports.doubt(['c']));
  t.true(ports.doubt(['a', 'b', 'c']));
  const moved: [string, number][] = [
    ['a', 20_002],
    ['b', 20_001],
  ];
  t.deepEqual([...ports.assign(['a', 'b'], others)], moved);
  ports.doubt(['a']);
  t.deepEqual([...ports.assign(['a', 'b'], () => new Set([20_000, 20_001, 20_002]))], moved);
});
