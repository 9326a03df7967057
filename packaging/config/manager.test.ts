import test from 'ava';
import { ConfigError } from '../../manager/model/util/errors.ts';
import { readYaml } from '../../manager/model/util/yaml.ts';
import { type ManagerConfig, readManagerConfig } from './manager.ts';

function read(text: string): ManagerConfig {
  return readYaml(text, 'manager.yaml', fields => readManagerConfig(fields, '/etc/isthmus'));
}

test('an empty file is a Manager on embedded parts', t => {
  const { registries, ...rest } = read('');
  t.deepEqual(rest, {
    trustDomain: 'isthmus.mesh',
    agents: { address: '::', port: 15012 },
    api: { address: '127.0.0.1', port: 15014 },
    store: { kind: 'sqlite', settings: {} },
    servicesFolder: '/etc/isthmus/services.d',
  });
  t.deepEqual(
    registries.map(({ name, registry }) => [name, registry.kind]),
    [['file', 'file']],
  );
});

test('everything can be said', t => {
  const { registries, ...rest } = read(`
trustDomain: shop.mesh
agents: { address: 10.0.0.1, port: 1 }
api: { address: "::1" }
store: { kind: sqlite, file: /srv/store.db }
ca: { certificate: /ca.pem, key: /key.pem, passphraseFile: /pass }
registries:
  - { name: vms, kind: file, path: /a }
  - { name: cluster, kind: file, path: /b, namespace: shop }
`);
  t.deepEqual(rest, {
    trustDomain: 'shop.mesh',
    agents: { address: '10.0.0.1', port: 1 },
    api: { address: '::1', port: 15014 },
    store: { kind: 'sqlite', settings: { file: '/srv/store.db' } },
    ca: { kind: 'pem', certificate: '/ca.pem', key: '/key.pem', passphraseFile: '/pass' },
  });
  t.deepEqual(
    registries.map(({ name }) => name),
    ['vms', 'cluster'],
  );
});

const wrong: readonly (readonly [text: string, message: RegExp])[] = [
  ['trustDomain: Shop', /line 1: trustDomain: must be lower-case/],
  ['agents:\n  adress: 10.0.0.1', /line 2: agents\.adress: is not a field here; did you mean "address"\?/],
  [
    'agents: { address: localhost }\nregistries:\n- kind: file',
    /agents\.address: must be an IP address.*line 3: registries\[0\]\.path: is missing/,
  ],
  ['store: { kind: etcd }', /line 1: store\.kind: must be one of sqlite, not "etcd"/],
  ['ca: { key: /k }', /ca\.certificate: is missing; or "pkcs12"/],
  ['ca: { pkcs12: /k }', /ca\.passphraseFile: is missing/],
  [
    'registries:\n- kind: file\n  path: /a\n- kind: file\n  path: /b',
    /line \d: registries\[1\]\.name: "file" is taken; give each registry a name/,
  ],
];

for (const [text, message] of wrong)
  test(`refused: ${JSON.stringify(text)}`, t => {
    t.throws(() => read(text), { instanceOf: ConfigError, message });
  });
