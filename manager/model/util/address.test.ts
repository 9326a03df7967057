import test from 'ava';
import { canonicalAddress, withPort } from './address.ts';

const CASES: readonly [text: string, canonical: string | undefined][] = [
  ['10.0.0.1', '10.0.0.1'],
  ['FD00:0:0::1', 'fd00::1'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['::FFFF:0a00:0001', '10.0.0.1'],
  ['::1', '::1'],
  ['fe80::1%eth0', undefined],
  ['010.0.0.1', undefined],
  ['reviews', undefined],
  ['', undefined],
];

for (const [text, canonical] of CASES)
  test(`"${text}" is ${canonical ?? 'no address'}`, t => {
    t.is(canonicalAddress(text), canonical);
  });

test('a port follows an address as URLs have it', t => {
  t.deepEqual(
    [withPort('10.0.0.1', 80), withPort('fd00::1', 80), withPort('localhost', 80)],
    ['10.0.0.1:80', '[fd00::1]:80', 'localhost:80'],
  );
});
