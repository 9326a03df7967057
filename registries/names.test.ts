import test from 'ava';
import { endsInNumber, isHostname } from './names.ts';

for (const [text, number] of [
  ['reviews', false],
  ['reviews.shop.mesh', false],
  ['10.reviews', false],
  ['vm-7', false],
  ['7vm', false],
  ['0xyz', false],
  ['1.reviews.', false],
  ['10.99.0', true],
  ['10.0.0.256', true],
  ['reviews.7', true],
  ['reviews.7.', true],
  ['7', true],
  ['0x7f', true],
  ['10.0.0X7F', true],
  ['a.0x', true],
] as const)
  test(`"${text}" ${number ? 'would be an IPv4 address' : 'may be a host name'}`, t => {
    t.is(endsInNumber(text), number);
    if (number) t.false(isHostname(text));
  });

for (const [text, is] of [
  ['reviews.service.consul', true],
  ['_http._tcp.reviews.example', true],
  ['re_views.example', true],
  ['reviews..example', false],
  ['reviews.example.', false],
  ['Reviews.example', false],
  ['re views.example', false],
  [`${'a'.repeat(63)}.example`, true],
  [`${'a'.repeat(64)}.example`, false],
  [`${'a.'.repeat(126)}a`, true],
  [`${'a.'.repeat(126)}aa`, false],
] as const)
  test(`"${text}" can ${is ? '' : 'not '}be an alias`, t => {
    t.is(isHostname(text), is);
  });
