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
  t.throws(() => ports.assign(['a', 'b', 'c']), { code: 'PORTS_EXHAUSTED' });
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
  t.throws(() => ports.assign(['a', 'b', 'c', 'd'], others), { code: 'PORTS_EXHAUSTED' });
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

test('those that others have can be given up', t => {
  const ports = new OutboundPorts({}, 20_000, 20_003);
  ports.assign(['a', 'b']);
  const others = (): Set<number> => new Set([20_000]);
  t.false(ports.release(['c'], () => t.fail() as never));
  t.false(ports.release(['b', 'c'], others));
  t.true(ports.release(['a', 'b'], others));
  t.deepEqual(
    [...ports.assign(['a', 'b'], others).entries()],
    [
      ['a', 20_002],
      ['b', 20_001],
    ],
  );
});
