import test from 'ava';
import type { ServiceName } from '../../manager/model/host-view.ts';
import { type Meaning, NameTable } from './names.ts';

const service = (name: string, namespace: string, aliases: readonly string[] = []): ServiceName => ({
  name,
  namespace,
  hostname: `${name}.${namespace}.mesh`,
  aliases,
  ports: [
    { number: 9080, name: 'http', protocol: 'http' },
    { number: 9090, name: 'rpc', protocol: 'grpc' },
    { number: 53, name: 'dns', protocol: 'udp' },
  ],
  virtualIps: ['240.240.0.1'],
});

const TABLE = new NameTable([
  service('reviews', 'default', ['reviews.service.consul']),
  service('reviews', 'shop'),
  service('cart', 'shop', ['reviews.service.consul', 'reviews.default.mesh', 'reviews', 'bank', 'localhost']),
  service('bank', 'default'),
  service('localhost', 'default', ['db.localhost']),
]);

function brief(meaning: Meaning): string {
  if (meaning.kind === 'service') return meaning.service.hostname;
  if (meaning.kind === 'ports') return `${meaning.service.hostname} ${meaning.ports.map(port => port.number).join()}`;
  return meaning.kind;
}

const NAMES: readonly [name: string, namespace: string | undefined, meaning: string][] = [
  ['reviews.default.mesh', undefined, 'reviews.default.mesh'],
  ['reviews.default', undefined, 'reviews.default.mesh'],
  ['reviews', undefined, 'reviews.default.mesh'],
  ['reviews', 'shop', 'reviews.shop.mesh'],
  ['reviews', 'elsewhere', 'reviews.default.mesh'],
  ['bank', undefined, 'bank.default.mesh'],
  ['localhost', undefined, 'foreign'],
  ['db.localhost', 'default', 'foreign'],
  ['_http._tcp.localhost', 'default', 'foreign'],
  ['localhost.default', undefined, 'localhost.default.mesh'],
  ['cart', undefined, 'foreign'],
  ['cart', 'shop', 'cart.shop.mesh'],
  ['cart.shop', undefined, 'cart.shop.mesh'],
  ['reviews.service.consul', undefined, 'reviews.default.mesh'],
  ['other.service.consul', undefined, 'foreign'],
  ['example.org', undefined, 'foreign'],
  ['', undefined, 'foreign'],
  ['nosuch.default.mesh', undefined, 'missing'],
  ['reviews.nosuch.mesh', undefined, 'missing'],
  ['a.reviews.default.mesh', undefined, 'missing'],
  ['mesh', undefined, 'empty'],
  ['shop.mesh', undefined, 'empty'],
  ['notmesh', undefined, 'foreign'],
  ['_http._tcp.reviews.default.mesh', undefined, 'reviews.default.mesh 9080'],
  ['_grpc._tcp.reviews.default.mesh', undefined, 'reviews.default.mesh 9090'],
  ['_rpc._tcp.reviews', 'shop', 'reviews.shop.mesh 9090'],
  ['_dns._udp.reviews.service.consul', undefined, 'reviews.default.mesh 53'],
  ['_http._udp.reviews.default.mesh', undefined, 'missing'],
  ['_tcp.reviews.default.mesh', undefined, 'empty'],
  ['_http._tcp.nosuch.default.mesh', undefined, 'missing'],
  ['_ldap._tcp.example.org', undefined, 'foreign'],
];

for (const [name, namespace, meaning] of NAMES) {
  test(`"${name}" asked from ${namespace ?? 'anywhere'} is ${meaning}`, t => {
    t.is(brief(TABLE.look(name, namespace)), meaning);
  });
}

test('the asker matters only where a short name is not unique to the default namespace', t => {
  t.true(TABLE.dependsOnAsker('reviews'));
  t.true(TABLE.dependsOnAsker('cart'));
  t.true(TABLE.dependsOnAsker('_http._tcp.cart'));
  t.false(TABLE.dependsOnAsker('example.org'));
  t.false(TABLE.dependsOnAsker('reviews.default'));
  t.false(new NameTable([service('only', 'default')]).dependsOnAsker('only'));
});
