import test from 'ava';
import { direct, host, instance, port, workload } from '../compile/fixtures.ts';
import { hostNamesOf, placed } from './placed.ts';

const on = host('b', 'b.example');
const meshed = instance(on, workload(on, 'reviews', [port(80)]));
const list = [
  direct('plain', '10.0.0.7', { http: 80 }),
  direct('one', 'one.example', { http: 80 }, { weight: 4 }),
  direct('two', 'two.example', { http: 80 }, { weight: 4 }),
  direct('lost', 'lost.example', { http: 80 }),
  meshed,
];
const known = new Map([
  ['one.example', ['192.0.2.1']],
  ['two.example', ['192.0.2.1', '192.0.2.2']],
]);

test('only what is dialled at a host name needs one', t => {
  t.deepEqual(hostNamesOf(list), ['one.example', 'two.example', 'lost.example']);
});

test('the addresses of a name share its weight; a name without one stays', t => {
  t.deepEqual(
    placed(list, name => known.get(name)).map(({ id, address, weight }) => [id, address, weight]),
    [
      ['test/plain', '10.0.0.7', 1],
      ['test/one', '192.0.2.1', 4],
      ['test/two 192.0.2.1', '192.0.2.1', 2],
      ['test/two 192.0.2.2', '192.0.2.2', 2],
      ['test/lost', 'lost.example', 1],
      [meshed.id, meshed.address, 1],
    ],
  );
});
