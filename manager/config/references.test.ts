import test from 'ava';
import type { ConfigObject } from '../model/config/object.ts';
import { readFile } from './files.ts';
import { configObjectOf } from './manifest.ts';
import { checkReferences, type KnownService } from './references.ts';
import { describeWarning } from './warning.ts';

function objects(...texts: readonly string[]): ConfigObject[] {
  const { objects: read, errors } = readFile(texts.join('\n---\n'), 'x');
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  return read.map(({ manifest }) => configObjectOf(manifest));
}
const head = (kind: string, name: string, namespace = 'default'): string =>
  `apiVersion: networking.istio.io/v1\nkind: ${kind}\nmetadata: {name: ${name}, namespace: ${namespace}}\n`;
const routes = (name: string, spec: string, namespace?: string): string =>
  `${head('VirtualService', name, namespace)}spec: ${spec}`;
const rule = (name: string, spec: string, namespace?: string): string =>
  `${head('DestinationRule', name, namespace)}spec: ${spec}`;
const to = (destination: string): string => `{hosts: [reviews], http: [{route: [{destination: ${destination}}]}]}`;

const REVIEWS: KnownService = {
  hostname: 'reviews.default.mesh',
  aliases: ['reviews.service.consul'],
  ports: [{ number: 9080, protocol: 'http' }],
  instances: [{ labels: { version: 'v1', zone: 'a' } }],
};
const RATINGS: KnownService = {
  hostname: 'ratings.shop.mesh',
  aliases: [],
  ports: [{ number: 80, protocol: 'http' }],
  instances: [],
};

const DATABASE: KnownService = {
  ...RATINGS,
  hostname: 'db.default.mesh',
  ports: [{ number: 5432, protocol: 'tcp' }],
};

const cases: readonly [string, readonly ConfigObject[], readonly KnownService[] | undefined, string[]][] = [
  [
    'all is known',
    objects(
      routes('a', to('{host: reviews, subset: v1, port: {number: 9080}}')),
      rule('r', '{host: reviews, subsets: [{name: v1}]}'),
    ),
    [REVIEWS],
    [],
  ],
  [
    'a rule by an alias, a route by the short name',
    objects(
      routes('a', to('{host: reviews, subset: v1}')),
      rule('r', '{host: reviews.service.consul, subsets: [{name: v1}]}'),
    ),
    [REVIEWS],
    [],
  ],
  [
    'another namespace by its name, and as Kubernetes writes it',
    objects(routes('a', to('{host: ratings.shop}')), rule('r', '{host: ratings.shop.svc.cluster.local}')),
    [REVIEWS, RATINGS],
    [],
  ],
  [
    'files alone: rules found however the host is written',
    objects(
      routes('a', to('{host: reviews, subset: v1}')),
      rule('r', '{host: reviews.default.svc.cluster.local, subsets: [{name: v1}]}'),
    ),
    undefined,
    [],
  ],
  ['services cannot be known', objects(routes('a', to('{host: nowhere}'))), undefined, []],
  [
    'a host in another namespace is not meant by its short name, but named',
    objects(routes('a', to('{host: ratings}'))),
    [REVIEWS, RATINGS],
    [
      'VirtualService default/a: spec.http[0].route[0].destination.host: no service "ratings" is known; did you mean "ratings.shop"?',
    ],
  ],
  [
    'a mistyped host',
    objects(routes('a', to('{host: reviws}'))),
    [REVIEWS],
    [
      'VirtualService default/a: spec.http[0].route[0].destination.host: no service "reviws" is known; did you mean "reviews"?',
    ],
  ],
  [
    'a port that is not there',
    objects(routes('a', to('{host: reviews, port: {number: 80}}'))),
    [REVIEWS],
    [
      'VirtualService default/a: spec.http[0].route[0].destination.port.number: reviews.default.mesh has no port 80; it has 9080',
    ],
  ],
  [
    'no rule',
    objects(routes('a', to('{host: reviews, subset: v1}'))),
    [REVIEWS],
    [
      'VirtualService default/a: spec.http[0].route[0].destination.subset: "v1" is not defined: no DestinationRule is for "reviews"; calls to it fail until there is one',
    ],
  ],
  [
    'a subset that no instance carries',
    objects(
      routes('a', to('{host: reviews, subset: v2}')),
      rule('r', '{host: reviews, subsets: [{name: v2, labels: {version: v2, zone: a}}]}'),
    ),
    [REVIEWS],
    [
      'VirtualService default/a: spec.http[0].route[0].destination.subset: "v2" has no instance: none of reviews.default.mesh carries version=v2, zone=a; calls to it fail until one does',
    ],
  ],
  [
    'subsets that an instance carries, or that get no calls',
    objects(
      routes(
        'a',
        '{hosts: [reviews], http: [{route: [{destination: {host: reviews, subset: v1}, weight: 1}, {destination: {host: reviews, subset: v2}, weight: 0}]}]}',
      ),
      rule(
        'r',
        '{host: reviews, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}, {name: v3, labels: {version: v3}}]}',
      ),
    ),
    [REVIEWS],
    [],
  ],
  [
    'a mistyped subset',
    objects(
      routes('a', to('{host: reviews, subset: canari}')),
      rule('r', '{host: reviews, subsets: [{name: canary}]}'),
    ),
    [REVIEWS],
    [
      'VirtualService default/a: spec.http[0].route[0].destination.subset: "canari" is not defined in DestinationRule default/r; did you mean "canary"?',
    ],
  ],
  [
    'two of one host',
    objects(
      routes('a', to('{host: reviews}')),
      routes('b', to('{host: reviews}')),
      rule('r', '{host: reviews}'),
      rule('s', '{host: reviews.service.consul}'),
    ),
    [REVIEWS],
    [
      'VirtualService default/b: spec.hosts[0]: "reviews" has routes in VirtualService default/a already, whose matches come first',
      'DestinationRule default/s: spec.host: "reviews.service.consul" has DestinationRule default/r already, which is used',
    ],
  ],
  [
    "rules of one host: that of the service's own namespace is used",
    objects(
      rule('a', '{host: reviews.default.mesh}', 'apart'),
      rule('z', '{host: reviews, subsets: [{name: v1}]}'),
      routes('a', to('{host: reviews, subset: v1}')),
    ),
    [REVIEWS],
    ['DestinationRule apart/a: spec.host: "reviews.default.mesh" has DestinationRule default/z already, which is used'],
  ],
  [
    'one name in two namespaces is two hosts',
    objects(
      routes('a', to('{host: reviews}')),
      routes('a', '{hosts: [ratings], http: [{route: [{destination: {host: ratings}}]}]}', 'shop'),
    ),
    [REVIEWS, RATINGS],
    [],
  ],
  [
    'a route behind one that takes all',
    objects(
      routes(
        'a',
        '{hosts: [reviews], http: [{match: [{name: all, uri: {prefix: /}}], route: [{destination: {host: reviews}}]}, {match: [{uri: {prefix: /x}}], route: [{destination: {host: reviews}}]}]}',
      ),
    ),
    [REVIEWS],
    [
      'VirtualService default/a: spec.http[1]: is never reached: spec.http[0] matches everything; put it before that one',
    ],
  ],
  [
    'routes of a service that does not speak HTTP, and a match of a port that it does not speak it on',
    objects(
      routes('a', '{hosts: [db], http: [{route: [{destination: {host: db}}]}]}'),
      routes(
        'b',
        '{hosts: [reviews], http: [{match: [{port: 9080}, {port: 80}], route: [{destination: {host: reviews}}]}]}',
      ),
    ),
    [REVIEWS, DATABASE],
    [
      'VirtualService default/a: spec.hosts[0]: these routes are for HTTP, which no port of db.default.mesh speaks; it has 5432 tcp; state their protocol',
      'VirtualService default/b: spec.http[0].match[1].port: reviews.default.mesh has no HTTP on port 80, so this matches nothing; it has HTTP on 9080',
    ],
  ],
  [
    'matches of a query in a path, which a regular expression may mean otherwise',
    objects(
      routes(
        'a',
        '{hosts: [reviews], http: [{match: [{uri: {exact: "/a?b=c"}}, {uri: {prefix: "/a#"}}, {uri: {regex: "/a?b"}}, {uri: {exact: /a}}, {headers: {x: {exact: "?"}}}], route: [{destination: {host: reviews}}]}]}',
      ),
    ),
    [REVIEWS],
    [
      'VirtualService default/a: spec.http[0].match[0].uri.exact: "/a?b=c" matches nothing: only what comes before a "?" or "#" is compared; write "/a"',
      'VirtualService default/a: spec.http[0].match[1].uri.prefix: "/a#" matches nothing: only what comes before a "?" or "#" is compared; write "/a"',
    ],
  ],
  [
    'a route behind one that does not',
    objects(
      routes(
        'a',
        '{hosts: [reviews], http: [{match: [{uri: {prefix: /}, port: 9080}], route: [{destination: {host: reviews}}]}, {route: [{destination: {host: reviews}}]}]}',
      ),
    ),
    [REVIEWS],
    [],
  ],
];

for (const [what, given, services, warnings] of cases)
  test(`references: ${what}`, t => {
    const mesh = services && {
      service: (name: string) => services.find(({ hostname, aliases }) => hostname === name || aliases.includes(name)),
      services: () => services,
      workloads: () => [],
      trustDomain: 'isthmus.mesh',
    };
    t.deepEqual(checkReferences(given, mesh).map(describeWarning), warnings);
  });
