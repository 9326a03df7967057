import test from 'ava';
import { isHostName } from './host-name.ts';
import { sniOf } from './workload.ts';

const label = 'x'.repeat(63);

for (const name of ['a', 'vm-7', 'vm-7.dc1.example', '10.0.0.1', label, `${'a.'.repeat(59)}ab`])
  test(`"${name}" can name a host`, t => void t.true(isHostName(name)));

for (const name of [
  '',
  'Vm',
  'vm_7',
  '-a',
  'a-',
  'a.',
  '.a',
  'a..b',
  'a.-b',
  'a/b',
  `${label}x`,
  `${'a.'.repeat(60)}a`,
])
  test(`"${name}" cannot name a host`, t => void t.false(isHostName(name)));

test('the SNI of a workload on a host with dots is that of no other workload, and fits into DNS', t => {
  const sni = (host: string, namespace: string, name: string): string =>
    sniOf({ uid: `${host}/${namespace}/${name}`, namespace, name });
  t.is(sni('vm-7.dc1.example', 'default', 'web'), 'web.default.vm-7.dc1.example.mesh');
  t.not(sni('b.c', 'a', 'web'), sni('c', 'b', 'a'));
  t.is(sni(`${'a.'.repeat(59)}ab`, label, label).length, 253);
});
