import test from 'ava';
import { keepUnusable, readDocument } from './document.ts';

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
    unusable: [],
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

test('a service that cannot be used stays as it was, or is left out when it is new', t => {
  const before = readDocument(GOOD, 'a.yaml');
  const text = `${GOOD.replace('number: 9080', 'number: 0')}  - {name: Other}\n  - {name: new}\n`;
  const after = keepUnusable(readDocument(text, 'a.yaml'), before);
  t.deepEqual(
    after.services.map(one => [one.name, one.ports?.[0]?.number]),
    [
      ['new', undefined],
      ['reviews', 9080],
    ],
  );
  t.deepEqual(
    after.problems.map(one => one.where),
    ['a.yaml:7', 'a.yaml:13'],
  );
});

for (const [name, text, message] of [
  ['empty', '', 'a.yaml:1: document: must be a map of fields'],
  ['not YAML', 'services:\n  - name: "a\n', 'a.yaml:3: Missing closing "quote'],
  ['without services', 'servces: []', 'a.yaml:1: services: is missing; to list no services write "services: []"'],
  ['a list', '- name: a', 'a.yaml:1: document: must be a map'],
  ['broken off', '{"services": [', 'a.yaml:1: '],
] as const)
  test(`a file that is ${name} is refused whole`, t => {
    const error = t.throws(() => readDocument(text, 'a.yaml'));
    t.true(error?.message.includes(message), error?.message);
  });
