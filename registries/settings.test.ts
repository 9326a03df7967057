import test from 'ava';
import { ConfigError } from '../manager/model/util/errors.ts';
import { readRegistries } from './settings.ts';

test('an entry of each kind, with what all share', t => {
  const services = { 'web-prod': { name: 'web', namespace: 'shop', ports: [{ number: 80, name: 'http-web' }] } };
  const read = readRegistries(
    [
      { kind: 'file', path: '/etc/isthmus/services.d' },
      { kind: 'consul', name: 'dc1', address: 'https://consul.internal', namespace: 'prod', services, tokenFile: '/x' },
      { kind: 'zookeeper', servers: 'zk1,[::1]:2182', paths: ['/a/*', { path: '/b/c', service: 'd' }], digest: 'u:p' },
    ],
    'registries',
  );
  t.deepEqual(
    read.map(one => [one.name, one.registry.kind, one.mapping.namespace]),
    [
      ['file', 'file', 'default'],
      ['dc1', 'consul', 'prod'],
      ['zookeeper', 'zookeeper', 'default'],
    ],
  );
  t.deepEqual(read[1]?.mapping.services.get('web-prod'), {
    name: 'web',
    namespace: 'shop',
    ports: [{ number: 80, name: 'http-web', protocol: 'http' }],
  });
});

const ports = (...list: readonly object[]): object => ({ kind: 'file', path: '/a', services: { x: { ports: list } } });

test('ports without a name are named for their protocol', t => {
  const [read] = readRegistries([ports({ number: 80, protocol: 'http' }, { number: 1 }, { number: 2 })], 'registries');
  t.deepEqual(
    read?.mapping.services.get('x')?.ports?.map(({ number, name, protocol }) => `${number} ${name} ${protocol}`),
    ['80 http http', '1 tcp tcp', '2 tcp-2 tcp'],
  );
});

test('registries that are no list are refused', t => {
  t.throws(() => readRegistries({ kind: 'file' }, 'registries'), { message: /registries: must be a list/ });
});

for (const [entry, message] of [
  [{}, 'registries[0].kind: is missing; try "file"'],
  [{ kind: 'consl' }, 'registries[0].kind: must be one of file, '],
  [{ kind: 'file' }, 'registries[0].path: is missing; try "/etc/isthmus/services.d"'],
  [{ kind: 'file', path: '/a', name: 'a/b' }, 'registries[0].name: must have no "/" in it, not "a/b"'],
  [
    { kind: 'file', path: '/a', name: 'agent' },
    'registries[0].name: cannot be "agent", as which hosts register services by themselves',
  ],
  [{ kind: 'file', path: '/a', pth: 1 }, 'registries[0].pth: is not a field here; did you mean "path"?'],
  [{ kind: 'consul', address: 'x:y:z' }, 'registries[0].address: must be host:port or a URL with no path, not "x:y:z"'],
  [{ kind: 'consul', token: 'a', tokenFile: 'b' }, 'registries[0].tokenFile: cannot stand beside "token"'],
  [{ kind: 'consul', tls: { ca: 'a' } }, 'registries[0].tls: needs an address that begins with https://'],
  [{ kind: 'consul', connections: 1 }, 'registries[0].connections: must be a whole number from 8 to 100000, not 1'],
  [{ kind: 'zookeeper', paths: ['/a'] }, 'registries[0].servers: must name at least one server'],
  [{ kind: 'zookeeper', servers: ['a:99999'], paths: ['/a'] }, 'registries[0].servers[0]: must be host:port'],
  [{ kind: 'zookeeper', servers: 'a', paths: ['a'] }, 'registries[0].paths[0].path: must begin with "/"'],
  [{ kind: 'zookeeper', servers: 'a', paths: ['/a/'] }, 'registries[0].paths[0].path: must begin with "/"'],
  [{ kind: 'zookeeper', servers: 'a', paths: ['/a/b*'] }, '"*" stands for a whole part of the path'],
  [
    { kind: 'zookeeper', servers: 'a', paths: [{ path: '/*', service: 'x' }] },
    'registries[0].paths[0].service: cannot stand beside a path with "*"',
  ],
  [{ kind: 'zookeeper', servers: 'a', paths: ['/a'], digest: 'secret' }, 'registries[0].digest: must be user:password'],
  [
    { kind: 'file', path: '/a', services: { x: { ports: [{ number: 1, protocol: 'htp' }] } } },
    'registries[0].services.x.ports[0].protocol: must be one of http, http2',
  ],
  [ports({}), 'services.x.ports[0].number: is missing; try 8080'],
  [ports({ nubmer: 1 }), 'services.x.ports[0].nubmer: is not a field here; did you mean "number"?'],
  [ports({ number: 1, name: 'a b' }), 'services.x.ports[0].name: must be letters, digits and "-", at most 63'],
  [ports({ number: 1, name: 'a' }, { number: 1, name: 'b' }), 'services.x.ports[1].number: 1 is given twice'],
  [ports({ number: 1, name: 'a' }, { number: 2, name: 'a' }), 'services.x.ports[1].name: "a" is given twice'],
  [{ kind: 'file', path: '/a', namespace: 'A_b' }, 'registries[0].namespace: must be lower-case letters'],
] as const)
  test(`${JSON.stringify(entry)} is refused with a reason`, t => {
    const error = t.throws(() => readRegistries([entry], 'registries'), { instanceOf: ConfigError });
    t.true(error?.message.includes(message), error?.message);
    t.false(error?.message.includes('secret'), 'a password is not repeated');
  });

test('every error of every entry comes at once, and names are unique', t => {
  const error = t.throws(
    () => readRegistries([{ kind: 'file' }, { kind: 'consul' }, { kind: 'consul' }, { kind: 'x' }], 'registries'),
    { instanceOf: ConfigError },
  );
  t.deepEqual(error?.errors.map(one => one.path).sort(), [
    'registries[0].path',
    'registries[2].name',
    'registries[3].kind',
  ]);
});
