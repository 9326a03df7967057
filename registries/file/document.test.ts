import test from 'ava';
import { readDocument } from './document.ts';
import { keepUnnamed } from './kept.ts';

const GOOD = `services:
  - name: reviews
    namespace: shop
    aliases: [reviews.internal]
    labels: {team: a}
    ports:
      - {number: 9080, name: http}
    instances:
      - {address: 10.0.0.1, port: 8000, weight: 0, labels: {version: v1}, locality: eu/eu-1, network: east, health: draining}
      - id: two
        address: "2001:db8::1"
        ports: {http: 8001, admin: 8002}
`;

test('a file with all it may say', t => {
  t.deepEqual(readDocument(GOOD, 'a.yaml'), {
    services: [
      {
        name: 'reviews',
        namespace: 'shop',
        aliases: ['reviews.internal'],
        labels: { team: 'a' },
        ports: [{ number: 9080, name: 'http', protocol: 'http' }],
        keep: true,
        problems: [],
        instances: [
          {
            id: '10.0.0.1:8000',
            address: '10.0.0.1',
            ports: [{ number: 8000 }],
            weight: 0,
            labels: { version: 'v1' },
            locality: { region: 'eu', zone: 'eu-1', subzone: '' },
            network: 'east',
            health: 'draining',
          },
          {
            id: 'two',
            address: '2001:db8::1',
            ports: [
              { name: 'http', number: 8001 },
              { name: 'admin', number: 8002 },
            ],
            weight: 1,
            labels: {},
            health: 'healthy',
          },
        ],
      },
    ],
    problems: [],
    kept: [],
    unreadable: [],
    partly: false,
  });
});

test('JSON means the same', t => {
  const text = JSON.stringify(
    { services: [{ name: 'a', instances: [{ address: '1.1.1.1', port: 1 }, { port: 1 }] }] },
    null,
    2,
  );
  const { services } = readDocument(text, 'a.json');
  t.is(services[0]?.instances.length, 1);
  t.deepEqual(services[0]?.problems, [
    { where: 'a.json:10', why: 'services[0].instances[1].address: is missing; try "10.0.0.1"' },
  ]);
});

for (const [name, bad, where, why] of [
  ['port', '{address: 10.0.0.2, port: 0}', 'a.yaml:13', 'services[0].instances[2].port: must be a whole number'],
  [
    'field',
    '{address: 10.0.0.2, port: 1, wieght: 2}',
    'a.yaml:13',
    'wieght: is not a field here; did you mean "weight"?',
  ],
  ['address', '{address: "10.0.0.2 ", port: 1}', 'a.yaml:13', 'must be an IP address or a host name'],
  [
    'IPv4 address',
    '{address: 10.99.0, port: 1}',
    'a.yaml:13',
    'must be an IP address or a host name, not "10.99.0"; an IPv4 address is four numbers from 0 to 255',
  ],
  ['second port', '{address: 10.0.0.2, port: 1, ports: {a: 2}}', 'a.yaml:13', 'cannot stand beside "port"'],
  ['text', 'what', 'a.yaml:13', 'must be a map of fields, not "what"'],
  ['id that is taken', '{id: two, address: 10.0.0.2, port: 1}', 'a.yaml:13', '"two" is listed twice'],
] as const)
  test(`an instance with a wrong ${name} is left out, named by its line`, t => {
    const { services } = readDocument(`${GOOD}      - ${bad}\n`, 'a.yaml');
    t.is(services[0]?.instances.length, 2);
    t.is(services[0]?.problems[0]?.where, where);
    t.true(services[0]?.problems[0]?.why.includes(why), services[0]?.problems[0]?.why);
  });

test('a service that cannot be used is named, with all that is wrong with it', t => {
  const bad = GOOD.replace('number: 9080', 'number: 0').replace('team: a', 'team: 1');
  const { services, unreadable, partly } = readDocument(`${bad}  - {name: new}\n`, 'a.yaml');
  t.deepEqual(
    services.map(({ name }) => name),
    ['new'],
  );
  t.like(unreadable, [{ name: 'reviews', namespace: 'shop', problem: { where: 'a.yaml:7' } }]);
  t.regex(
    unreadable[0]?.problem.why ?? '',
    /^services\[0\]\.ports\[0\]\.number: .*; a\.yaml:5: services\[0\]\.labels\.team: /,
  );
  t.false(partly, 'which one it is is known');
});

test('instances that are no list do not empty their service, and what is listed twice changes nothing', t => {
  const { services, problems, unreadable, partly } = readDocument(
    `${GOOD}  - {name: reviews, namespace: shop}\n  - {name: cart, instances: {address: 10.0.0.2}}\n`,
    'a.yaml',
  );
  t.deepEqual(
    services.map(({ name, instances }) => [name, instances.length]),
    [['reviews', 2]],
  );
  t.is(problems[0]?.where, 'a.yaml:13');
  t.is(problems[0]?.why, 'services[1].name: "reviews" is listed twice');
  t.like(unreadable, [{ name: 'cart', problem: { where: 'a.yaml:14' } }]);
  t.regex(unreadable[0]!.problem.why, /services\[2\]\.instances: must be a list/);
  t.false(partly);
});

for (const entry of [
  '{name: Other}',
  '{nmae: reviews, namespace: shop}',
  '{name: reviews, namespace: Shop}',
  'reviews',
])
  test(`the entry ${entry} may be any service: those that the file listed before stay`, t => {
    const before = readDocument(GOOD, 'a.yaml');
    const broken = readDocument(`services:\n  - ${entry}\n  - {name: new}\n`, 'a.yaml');
    t.true(broken.partly);
    t.is(broken.problems[0]?.where, 'a.yaml:2');
    t.regex(broken.problems[0]?.why ?? '', /; it may be any service, so what this file no longer lists stays$/);
    const after = keepUnnamed(broken, before);
    t.deepEqual([after.services, after.kept], [broken.services, before.services]);
    t.false(after.partly, 'what it may be is known');
    t.true(keepUnnamed(broken, undefined).partly);
    const mended = readDocument('services: [{name: new}]', 'a.yaml');
    t.is(keepUnnamed(mended, after), mended);
  });

for (const [name, text, message] of [
  ['empty', '', 'a.yaml:1: is empty; to list no services write "services: []"'],
  ['all comments', '# none\n', 'a.yaml:1: is empty; to list no services write "services: []"'],
  ['two documents', 'services: []\n---\nservices: []', 'a.yaml:2: a second document begins, after "---"'],
  ['a list that holds itself', 'services: &a [*a]', 'a.yaml:1: maps and lists are nested'],
  ['no text', '\u0000\ufffdELF', 'a.yaml:1: is no text: it has a byte 0; save it as UTF-8'],
  ['not YAML', 'services:\n  - name: "a\n', 'a.yaml:3: Missing closing "quote'],
  ['without services', 'servces: []', 'a.yaml:1: services: is missing; to list no services write "services: []"'],
  ['a map of services', 'services: {a: {}}', 'a.yaml:1: services: must be a list; put "- " before each service'],
  ['a list', '- name: a', 'a.yaml:1: document: must be a map'],
  ['broken off', '{"services": [', 'a.yaml:1: '],
] as const)
  test(`a file that is ${name} is refused whole`, t => {
    const error = t.throws(() => readDocument(text, 'a.yaml'));
    t.true(error?.message.includes(message), error?.message);
  });
