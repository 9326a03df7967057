import test from 'ava';
import { describeFieldError } from '../model/util/errors.ts';
import { readFile } from './files.ts';

const virtualService = (spec: string): string =>
  `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: x}\nspec: ${spec}`;
const route = (rest: string): string =>
  virtualService(`{hosts: [reviews], http: [{route: [{destination: {host: reviews}}], ${rest}}]}`);
const destinationRule = (spec: string): string =>
  `apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: x}\nspec: ${spec}`;
const policy = (spec: string): string =>
  `apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: x}\nspec: ${spec}`;
const peers = (spec: string): string =>
  `apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: x}\nspec: ${spec}`;
const object = (metadata: string): string =>
  `apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: ${metadata}`;

/** What is written, and every message that it must meet with, whole. */
const refused: readonly [string, string, ...string[]][] = [
  [
    'no kind',
    'metadata: {name: x}',
    'apiVersion: is missing; try "networking.istio.io/v1"',
    'kind: is missing; known: VirtualService, DestinationRule, PeerAuthentication, AuthorizationPolicy',
  ],
  ['no object', '[1]', 'document: must be a map of fields, not [1]; an object has apiVersion, kind, metadata'],
  [
    'a mistyped kind',
    'apiVersion: networking.istio.io/v1\nkind: VirtualServices\nmetadata: {name: x}',
    'kind: "VirtualServices" is no kind of config; did you mean "VirtualService"?',
  ],
  [
    'a kind to come',
    'apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: x}\nspec: {}',
    'kind: "Gateway" is not supported yet',
  ],
  [
    'a wrong version',
    'apiVersion: networking.istio.io/v2\nkind: VirtualService\nmetadata: {name: x}',
    'apiVersion: "networking.istio.io/v2" has no VirtualService; try "networking.istio.io/v1"',
  ],
  [
    'a kind in the other group',
    'apiVersion: networking.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: x}',
    'apiVersion: "networking.istio.io/v1" has no PeerAuthentication; try "security.istio.io/v1"',
  ],
  [
    'bad names',
    object('{name: Reviews, namespace: a.b}'),
    'metadata.name: "Reviews" is no name; lower-case letters, digits, "-" and ".", at most 253',
    'metadata.namespace: "a.b" is no namespace; lower-case letters, digits and "-", at most 63',
  ],
  [
    'bad labels',
    object('{name: x, labels: {app: 1, "a b": c, tier: "-x"}}'),
    'metadata.labels.app: must be a text, not 1; try "1"',
    'metadata.labels.a b: "a b" is no label name: letters, digits, "-", "_", ".", at most 63, with a domain and "/" in front or not',
    'metadata.labels.tier: "-x" is no label value: letters, digits, "-", "_", ".", at most 63, ending in a letter or digit',
  ],
  [
    'a mistyped field of metadata',
    object('{name: x, lables: {}}'),
    'metadata.lables: is not a field here; did you mean "labels"?',
  ],
  ['a field beside the spec', `${peers('{}')}\nspecs: {}`, 'specs: is not a field here; did you mean "spec"?'],

  [
    'no hosts and no route',
    virtualService('{}'),
    'spec.hosts: is missing; name the services that it is for',
    'spec.http: is missing; give at least one route',
  ],
  [
    'an empty list of routes',
    virtualService('{hosts: [reviews], http: []}'),
    'spec.http: has no route; give at least one',
  ],
  [
    'wrong hosts',
    virtualService(
      '{hosts: [reviews, reviews, "*.shop", "http://reviews:9080/x", "reviews:9080", re_views], http: [{route: [{destination: {host: a}}]}]}',
    ),
    'spec.hosts[1]: "reviews" is there twice',
    'spec.hosts[2]: "*.shop": wildcards are not supported yet; name each service',
    'spec.hosts[3]: "http://reviews:9080/x" is a URL; try "reviews"',
    'spec.hosts[4]: "reviews:9080" has a port in it; try "reviews"',
    'spec.hosts[5]: "re_views" is no host name; letters, digits and "-", parted by dots',
  ],
  [
    'a gateway',
    virtualService('{hosts: [reviews], gateways: [mesh, ingress], http: [{route: [{destination: {host: a}}]}]}'),
    'spec.gateways[1]: "ingress": gateways other than "mesh" are not supported yet',
  ],
  [
    'parts to come',
    virtualService(
      '{hosts: [reviews], tcp: [], tls: [], exportTo: ["."], http: [{route: [{destination: {host: a}}]}]}',
    ),
    'spec.exportTo: other than ["*"] is not supported yet; remove it',
    'spec.tls: is not supported yet; remove it',
    'spec.tcp: is not supported yet; remove it',
  ],
  [
    'fields of a route to come',
    route('fault: {}, mirror: {host: b}, rewrite: {uri: /}'),
    'spec.http[0].rewrite: is not supported yet; remove it',
    'spec.http[0].fault: is not supported yet; remove it',
    'spec.http[0].mirror: is not supported yet; remove it',
  ],
  [
    'a redirect',
    virtualService('{hosts: [reviews], http: [{redirect: {uri: /}}]}'),
    'spec.http[0].redirect: is not supported yet; remove it',
  ],
  [
    'a route to nowhere',
    virtualService('{hosts: [reviews], http: [{}, {route: []}]}'),
    'spec.http[0].route: has no destination; give at least one',
    'spec.http[1].route: has no destination; give at least one',
  ],
  [
    'a duration that Envoy would refuse',
    route('timeout: 999999999h'),
    'spec.http[0].timeout: must be at most 8760h, not "999999999h"',
  ],
  [
    'wrong durations',
    route('timeout: 5, retries: {attempts: 2, perTryTimeout: 5 s}'),
    'spec.http[0].timeout: must be a duration, not 5; try "5s"',
    'spec.http[0].retries.perTryTimeout: must be a duration, not "5 s"; write it as "5s", "1.5s", "300ms" or "1h30m"',
  ],
  [
    'a try of no time',
    route('retries: {attempts: 2, perTryTimeout: 0s}'),
    'spec.http[0].retries.perTryTimeout: must be at least 1ms, not "0s"',
  ],
  [
    'wrong retries',
    route('retries: {attempts: -1, retryOn: "5xx,connection-failure,700"}'),
    'spec.http[0].retries.attempts: must be a whole number from 0 to 1000, not -1',
    'spec.http[0].retries.retryOn: "connection-failure" is no condition; did you mean "connect-failure"?',
    'spec.http[0].retries.retryOn: "700" is no condition; known: 5xx, gateway-error, reset, reset-before-request, connect-failure, envoy-ratelimited, retriable-4xx, refused-stream, retriable-status-codes, retriable-headers, http3-post-connect-failure, cancelled, deadline-exceeded, internal, resource-exhausted, unavailable, and HTTP status codes',
  ],
  [
    'snake case',
    route('retries: {attempts: 2, per_try_timeout: 2s}'),
    'spec.http[0].retries.per_try_timeout: is not a field here; did you mean "perTryTimeout"?',
  ],
  [
    'retries without a number',
    route('retries: {retryOn: 5xx}'),
    'spec.http[0].retries.attempts: is missing; try 2; 0 for none',
  ],
  [
    'mistyped fields of a route and its match',
    route('matches: [], match: [{uris: {prefix: /a}}]'),
    'spec.http[0].matches: is not a field here; did you mean "match"?',
    'spec.http[0].match[0].uris: is not a field here; did you mean "uri"?',
  ],
  [
    'a match of two ways',
    route('match: [{uri: {exact: /a, prefix: /b}}]'),
    'spec.http[0].match[0].uri: must have exactly one of exact, prefix and regex, not exact and prefix',
  ],
  [
    'a match of no way',
    route('match: [{uri: {}}, {method: GET}]'),
    'spec.http[0].match[0].uri: must have exactly one of exact, prefix and regex, not none',
    'spec.http[0].match[1].method: must say how to compare, not "GET"; try {exact: "GET"}',
  ],
  [
    'a mistyped way',
    route('match: [{uri: {prefx: /a}}]'),
    'spec.http[0].match[0].uri.prefx: is not a field here; did you mean "prefix"?',
    'spec.http[0].match[0].uri: must have exactly one of exact, prefix and regex, not none',
  ],
  [
    'headers that would be no condition, or not the one that was written',
    route('match: [{headers: {end-user: , X-Test: {exact: a}, x-test: {exact: b}}}]'),
    'spec.http[0].match[0].headers.end-user: says nothing; write {} for a header that must only be there',
    'spec.http[0].match[0].headers.x-test: is there twice: upper and lower case are the same',
  ],
  [
    'what RE2 does not know',
    route('match: [{uri: {regex: "/a(?=b)"}}, {uri: {regex: "(a)\\\\1"}}, {uri: {regex: "(a"}}]').replaceAll(
      '\\\\\\\\',
      '\\\\',
    ),
    'spec.http[0].match[0].uri.regex: "/a(?=b)" has a look-around, which RE2 does not know',
    'spec.http[0].match[1].uri.regex: "(a)\\1" has a backreference, which RE2 does not know',
    'spec.http[0].match[2].uri.regex: "(a" unterminated group',
  ],
  [
    'wrong headers',
    route('match: [{headers: {"a b": {exact: x}, user: x}}]'),
    'spec.http[0].match[0].headers.a b: is no header name',
    'spec.http[0].match[0].headers.user: must say how to compare, not "x"; try {exact: "x"}',
  ],
  [
    'matches to come',
    route('match: [{sourceLabels: {a: b}, queryParams: {}}]'),
    'spec.http[0].match[0].sourceLabels: is not supported yet; remove it',
    'spec.http[0].match[0].queryParams: is not supported yet; remove it',
  ],
  [
    'no weight at all',
    virtualService('{hosts: [reviews], http: [{route: [{destination: {host: a}}, {destination: {host: b}}]}]}'),
    'spec.http[0].route: has several destinations and no weight above 0; give each a weight, such as 90 and 10',
  ],
  [
    'wrong weights',
    virtualService(
      '{hosts: [reviews], http: [{route: [{destination: {host: a}, weight: -1}, {destination: {host: b}, weight: "10"}, {destination: {host: c}, weight: 1}]}]}',
    ),
    'spec.http[0].route[0].weight: must be a whole number from 0 to 2147483647, not -1',
    'spec.http[0].route[1].weight: must be a whole number from 0 to 2147483647, not "10"',
  ],
  [
    'weights that are too many together',
    virtualService(
      '{hosts: [reviews], http: [{route: [{destination: {host: a}, weight: 2147483647}, {destination: {host: b}, weight: 2147483647}, {destination: {host: c}, weight: 2}]}]}',
    ),
    'spec.http[0].route: has weights that add up to 4294967296; at most 4294967295',
  ],
  [
    'wrong destinations',
    virtualService(
      '{hosts: [reviews], http: [{route: [{host: a, weight: 1}, {destination: {subset: v1, port: {}}, weight: 1}, {destination: {host: b, port: 9080}}]}]}',
    ),
    'spec.http[0].route[0].host: is not a field here; known: destination, weight',
    'spec.http[0].route[0].destination: is missing; try {host: "reviews"}',
    'spec.http[0].route[1].destination.host: is missing; name the service',
    'spec.http[0].route[1].destination.port.number: is missing',
    'spec.http[0].route[2].destination.port: must be a map of fields, not 9080',
  ],

  ['a rule for nothing', destinationRule('{}'), 'spec.host: is missing; name the service that it is for'],
  [
    'wrong subsets',
    destinationRule('{host: a, subsets: [{name: v1}, {name: v1, labels: {version: 1}}, {labels: {}}, {name: "a|b"}]}'),
    'spec.subsets[1].name: "v1" is there twice',
    'spec.subsets[1].labels.version: must be a text, not 1; try "1"',
    'spec.subsets[2].name: is missing; try "v1"',
    'spec.subsets[3].name: "a|b" is no subset name; letters, digits, "-", "_" and ".", at most 63',
  ],
  [
    'a wrong balancer',
    destinationRule('{host: a, trafficPolicy: {loadBalancer: {simple: round_robin}}}'),
    'spec.trafficPolicy.loadBalancer.simple: must be one of ROUND_ROBIN, LEAST_REQUEST, RANDOM, PASSTHROUGH, UNSPECIFIED, LEAST_CONN, not "round_robin"; try "ROUND_ROBIN"',
  ],
  [
    'wrong ejection',
    destinationRule(
      '{host: a, trafficPolicy: {outlierDetection: {consecutiveErrors: 5, interval: 0s, maxEjectionPercent: 101}}}',
    ),
    'spec.trafficPolicy.outlierDetection.interval: must be at least 1ms, not "0s"',
    'spec.trafficPolicy.outlierDetection.maxEjectionPercent: must be a whole number from 0 to 100, not 101',
    'spec.trafficPolicy.outlierDetection.consecutiveErrors: was removed from Istio; try "consecutive5xxErrors"',
  ],
  [
    'mistyped fields of a policy',
    destinationRule(
      '{host: a, trafficPolicy: {loadBalancers: {}, loadBalancer: {simpel: RANDOM}, outlierDetection: {intervall: 1s}}}',
    ),
    'spec.trafficPolicy.loadBalancers: is not a field here; did you mean "loadBalancer"?',
    'spec.trafficPolicy.loadBalancer.simpel: is not a field here; did you mean "simple"?',
    'spec.trafficPolicy.outlierDetection.intervall: is not a field here; did you mean "interval"?',
  ],
  [
    'policies to come',
    destinationRule(
      '{host: a, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}, connectionPool: {}, loadBalancer: {consistentHash: {}}}}',
    ),
    'spec.trafficPolicy.loadBalancer.consistentHash: is not supported yet; remove it',
    'spec.trafficPolicy.connectionPool: is not supported yet; remove it',
    'spec.trafficPolicy.tls: is not supported yet; remove it',
  ],

  [
    'a wrong mode',
    peers('{mtls: {mode: strict}}'),
    'spec.mtls.mode: must be one of UNSET, PERMISSIVE, STRICT, DISABLE, not "strict"; try "STRICT"',
  ],
  [
    'ports without a selector',
    peers('{portLevelMtls: {9080: {mode: STRICT}}}'),
    'spec.portLevelMtls: needs a selector: ports are those of certain workloads; add selector.matchLabels',
  ],
  [
    'wrong ports',
    peers('{selector: {matchLabels: {app: a}}, portLevelMtls: {http: {mode: STRICT}, 70000: {}}}'),
    'spec.portLevelMtls.70000: "70000" is no port number',
    'spec.portLevelMtls.http: "http" is no port number',
  ],
  [
    'another way to select',
    peers('{selector: {matchExpressions: []}}'),
    'spec.selector.matchExpressions: is not supported yet; remove it',
  ],

  ['a wrong action', policy('{action: allow}'), 'spec.action: must be one of ALLOW, DENY, not "allow"; try "ALLOW"'],
  [
    'an action to come',
    policy('{action: CUSTOM, provider: {name: x}}'),
    'spec.action: "CUSTOM" is not supported yet',
    'spec.provider: is not supported yet; remove it',
  ],
  [
    'empty parts of a rule',
    policy('{rules: [{from: []}, {from: [{source: {}}]}, {to: [{}]}, {from: [{source: {principals: []}}]}]}'),
    'spec.rules[0].from: is an empty list; remove it to match every source',
    'spec.rules[1].from[0].source: says nothing; remove "from" to match every source',
    'spec.rules[2].to[0].operation: says nothing; remove "to" to match every operation',
    'spec.rules[3].from[0].source.principals: is an empty list; remove it',
  ],
  [
    'parts of a rule that were left blank',
    policy(
      '{rules: [{from: }, {from: [{source: {principals: , namespaces: [a]}}]}, {to: [{operation: {ports: }}]}, {from: [{source: {ipBlocks: }}]}]}',
    ),
    'spec.rules[0].from: is an empty list; remove it to match every source',
    'spec.rules[1].from[0].source.principals: is an empty list; remove it',
    'spec.rules[2].to[0].operation.ports: is an empty list; remove it',
    'spec.rules[3].from[0].source: says nothing; remove "from" to match every source',
  ],
  [
    'wrong principals',
    policy(
      '{rules: [{from: [{source: {principals: ["spiffe://isthmus.mesh/ns/default/sa/web", web, "a*b", "*/sa/web"]}}]}]}',
    ),
    'spec.rules[0].from[0].source.principals[0]: "spiffe://isthmus.mesh/ns/default/sa/web" must not begin with spiffe://; try "isthmus.mesh/ns/default/sa/web"',
    'spec.rules[0].from[0].source.principals[1]: "web" is no identity; write <trust domain>/ns/<namespace>/sa/<service account>, or a pattern such as "*/sa/web"',
    'spec.rules[0].from[0].source.principals[2]: "a*b" has a "*" in the middle, where it means nothing; use "prefix*", "*suffix" or "*"',
  ],
  [
    'patterns that would match nobody',
    policy(
      '{action: DENY, rules: [{from: [{source: {principals: ["*/ns/shop/*", "ns/shop/*", "isthmus.mesh/sa/*", "**"], notPrincipals: ["a/ns/b/sa/c/*"], namespaces: ["*test*"]}}]}]}',
    ),
    'spec.rules[0].from[0].source.principals[0]: "*/ns/shop/*" has a "*" at both ends, of which one would be taken for itself; use "prefix*", "*suffix" or "*"',
    'spec.rules[0].from[0].source.principals[1]: "ns/shop/*" is how no identity begins; write <trust domain>/ns/<namespace>/sa/<service account>, or a pattern such as "*/sa/web"',
    'spec.rules[0].from[0].source.principals[2]: "isthmus.mesh/sa/*" is how no identity begins; write <trust domain>/ns/<namespace>/sa/<service account>, or a pattern such as "*/sa/web"',
    'spec.rules[0].from[0].source.principals[3]: "**" has a "*" at both ends, of which one would be taken for itself; use "prefix*", "*suffix" or "*"',
    'spec.rules[0].from[0].source.notPrincipals[0]: "a/ns/b/sa/c/*" is how no identity begins; write <trust domain>/ns/<namespace>/sa/<service account>, or a pattern such as "*/sa/web"',
    'spec.rules[0].from[0].source.namespaces[0]: "*test*" has a "*" at both ends, of which one would be taken for itself; use "prefix*", "*suffix" or "*"',
  ],
  [
    'wrong operations',
    policy(
      '{rules: [{to: [{operation: {ports: [9080, http, "0", "65535", "65536"]}}, {operation: {methods: [GET]}}]}]}',
    ),
    'spec.rules[0].to[0].operation.ports[0]: must be a text, not 9080',
    'spec.rules[0].to[0].operation.ports[1]: "http" is no port number; try "9080"',
    'spec.rules[0].to[0].operation.ports[2]: "0" is no port number; try "9080"',
    'spec.rules[0].to[0].operation.ports[4]: "65536" is no port number; try "9080"',
    'spec.rules[0].to[1].operation.methods: is not supported yet; remove it',
  ],
  [
    'conditions',
    policy('{rules: [{when: []}], selectors: {}}'),
    'spec.rules[0].when: is not supported yet; remove it',
    'spec.selectors: is not a field here; did you mean "selector"?',
  ],
];

for (const [what, text, ...messages] of refused)
  test(`refused: ${what}`, t => {
    const { objects, errors } = readFile(text, 'x.yaml');
    t.deepEqual(errors.map(describeFieldError).sort(), messages.sort());
    t.is(objects.length, 0);
  });
