import test from 'ava';
import { ConfigError } from '../../manager/model/util/errors.ts';
import { readYaml } from '../../manager/model/util/yaml.ts';
import { type AgentConfig, readAgentConfig } from './agent.ts';

function read(text: string): AgentConfig {
  return readYaml(text, 'agent.yaml', fields => readAgentConfig(fields, ['linux', 'docker']));
}

test('what isthmus join writes is enough; the rest has defaults', t => {
  t.deepEqual(read('host: alpha\naddress: 10.0.0.1\n'), {
    host: 'alpha',
    address: '10.0.0.1',
    tunnelPort: 15008,
    network: '',
    locality: { region: '', zone: '', subzone: '' },
    envoy: { uid: 1337, gid: 1337, drainSeconds: 60 },
    platforms: [{ kind: 'linux', settings: {} }],
  });
});

test('a host is named as the Manager lets it join, with dots too', t => {
  t.is(read('host: vm-7.dc1.example\naddress: 10.0.0.1\n').host, 'vm-7.dc1.example');
});

test('everything can be said', t => {
  const config = read(`
host: alpha
address: fd00::1
tunnelPort: 15009
network: east
locality: { region: eu, zone: eu-1 }
envoy: { path: /opt/envoy, uid: 200, concurrency: 2, drainSeconds: 5 }
platforms:
  - kind: linux
    folder: /etc/w
  - kind: docker
`);
  t.like(config, {
    address: 'fd00::1',
    tunnelPort: 15009,
    network: 'east',
    locality: { region: 'eu', zone: 'eu-1', subzone: '' },
  });
  t.deepEqual(config.envoy, { path: '/opt/envoy', uid: 200, gid: 200, concurrency: 2, drainSeconds: 5 });
  t.deepEqual(config.platforms, [
    { kind: 'linux', settings: { folder: '/etc/w' } },
    { kind: 'docker', settings: {} },
  ]);
});

const wrong: readonly (readonly [text: string, message: RegExp])[] = [
  ['', /agent\.yaml: line 1: host: is missing; run isthmus join, which writes it; line 1: address: is missing/],
  ['host: Alpha\naddress: 10.0.0.1', /line 1: host: must be lower-case/],
  ['host: vm_7.dc1\naddress: 10.0.0.1', /line 1: host: must be .*, not "vm_7\.dc1"; try "vm-7" or/],
  ['host: a\naddress: web.example', /line 2: address: must be an IP address, not "web\.example"/],
  ['host: a\naddress: 10.0.0.1\ntunelPort: 1', /line 3: tunelPort: is not a field here; did you mean "tunnelPort"\?/],
  [
    'host: a\naddress: 10.0.0.1\nenvoy:\n  path: envoy\n  pid: 3',
    /line 4: envoy\.path: must begin with "\/".*line 5: envoy\.pid: is not a field/,
  ],
  [
    'host: a\naddress: 10.0.0.1\nplatforms:\n- kind: linux\n- kind: dokcer',
    /line 5: platforms\[1\]\.kind: must be one of linux, docker/,
  ],
  ['host: [', /agent\.yaml: line 1: /],
  ['- a', /must be a map of fields/],
];

for (const [text, message] of wrong)
  test(`refused: ${JSON.stringify(text)}`, t => {
    t.throws(() => read(text), { instanceOf: ConfigError, message });
  });
