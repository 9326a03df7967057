import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join as path } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { hostIdentityPath, loadHostIdentity } from '../../agent/keys/host-identity.ts';
import { type CommandContext, runCommand } from '../../manager/cli/command.ts';
import { planAgentFile, readAgentFile } from '../../packaging/commands/agent-file.ts';
import { joinCommand } from '../../packaging/commands/join.ts';
import { joinHost } from '../../packaging/commands/join-host.ts';
import type { Dirs } from '../../packaging/paths.ts';
import { makeFolder } from '../folders.ts';
import { startManager, type TestManager } from './manager.ts';

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A machine that has not joined. */
interface Machine extends Dirs {
  readonly agentYaml: string;
  /** `isthmus join <words>`. */
  join(...words: readonly string[]): Promise<Run>;
}

function machine(t: ExecutionContext): Machine {
  const folder = makeFolder('join');
  t.teardown(() => rmSync(folder, { recursive: true }));
  const [configDir, stateDir, runDir] = ['etc', 'lib', 'run'].map(name => path(folder, name)) as [
    string,
    string,
    string,
  ];
  const flags = ['--config-dir', configDir, '--state-dir', stateDir, '--run-dir', runDir];
  return {
    configDir,
    stateDir,
    runDir,
    agentYaml: path(configDir, 'agent.yaml'),
    async join(...words) {
      const seen = { out: '', err: '' };
      const context: CommandContext = {
        stdout: { write: text => (seen.out += text) },
        stderr: { write: text => (seen.err += text) },
        stdin: async () => '',
        isTTY: false,
        columns: 80,
        connect: () => ({ request: () => Promise.reject(new Error('not in a join')) }),
        signal: AbortSignal.timeout(30_000),
      };
      const code = await runCommand(joinCommand, [...words, ...flags], context);
      return { code, ...seen };
    },
  };
}

async function isUsed(manager: TestManager, id: string): Promise<boolean> {
  const { body } = await manager.ask({ path: '/isthmus/v1/tokens' });
  const { items } = body as { readonly items: readonly { readonly id: string; readonly usedAt?: number }[] };
  return items.find(token => token.id === id)?.usedAt !== undefined;
}

test('a host joins, also under a name with dots, and its file is one that the agent can read', async t => {
  const manager = await startManager(t);
  const on = machine(t);
  const { token } = await manager.token({ host: 'vm-7.dc1.example' });
  const { code, out, err } = await on.join(manager.agents, '--token', token, '--host', 'VM-7.dc1.example');
  t.is(code, 0, err);
  t.regex(
    out,
    /^This host is "vm-7\.dc1\.example" \(127\.0\.0\.1\) in the mesh test\.mesh now; .*\nNext: name its workloads/,
  );
  t.regex(
    readFileSync(on.agentYaml, 'utf8'),
    /^# Written by isthmus join\..*\n+host: vm-7\.dc1\.example\naddress: 127\.0\.0\.1\n$/,
  );
  t.like(await readAgentFile(on.configDir), { host: 'vm-7.dc1.example', address: '127.0.0.1' });
  t.like(await loadHostIdentity(on.stateDir), { host: 'vm-7.dc1.example', managers: [manager.agents] });
  t.true(existsSync(path(on.configDir, 'workloads.d')));
});

test('what became of a join is told as JSON too', async t => {
  const manager = await startManager(t);
  const on = machine(t);
  const { token } = await manager.token();
  const { code, out, err } = await on.join(manager.agents, '--token', token, '--host', 'a', '--output', 'json');
  t.is(code, 0, err);
  t.deepEqual(JSON.parse(out), {
    host: 'a',
    address: '127.0.0.1',
    trustDomain: 'test.mesh',
    managers: [manager.agents],
    identityFile: hostIdentityPath(on.stateDir),
    configFile: on.agentYaml,
    workloadsDir: path(on.configDir, 'workloads.d'),
  });
});

const WRONG: readonly (readonly [flags: readonly string[], said: RegExp])[] = [
  [['--address', 'vm-7.example'], /^--address: must be an IP address, not "vm-7\.example"; try 10\.0\.0\.1\n$/],
  [['--address', ''], /^--address: must be a text, not ""\n$/],
  [['--host', 'vm_7'], /^--host: must be lower-case letters, .*, not "vm_7"; try "vm-7" or "vm-7\.dc1\.example"\n$/],
  [['--host', 'vm_7', '--address', '10.0.0'], /^--host: .*\n--address: .*\n$/],
  [['10.0.0.2:99999'], /^"10\.0\.0\.2:99999" is no address of a Manager; try /],
  [['https://10.0.0.2:15014'], /^"https:\/\/10\.0\.0\.2:15014" is no address of a Manager/],
  [['fd00::2'], /^"fd00::2" is no address of a Manager; .* or \[fd00::1\]:15012\n/],
];
for (const [flags, said] of WRONG)
  test(`join … ${flags.join(' ')} is refused before the token is used, and leaves no file`, async t => {
    const manager = await startManager(t);
    const on = machine(t);
    const { id, token } = await manager.token();
    const { code, err } = await on.join(manager.agents, '--token', token, ...flags);
    t.is(code, 2);
    t.regex(err, said);
    t.false(await isUsed(manager, id));
    t.false(existsSync(on.configDir));
    const again = await on.join(manager.agents, '--token', token, '--host', 'a', '--address', '10.0.0.7');
    t.is(again.code, 0, again.err);
  });

test('what the Manager refuses leaves no file, so that other values can be tried', async t => {
  const manager = await startManager(t);
  const on = machine(t);
  const { token } = await manager.token({ host: 'a' });
  const refused = await on.join(manager.agents, '--token', token, '--host', 'b', '--address', '10.0.0.7');
  t.is(refused.code, 1);
  t.regex(refused.err, /the join token is for another host, not for "b"/);
  t.false(existsSync(on.agentYaml));
  const { code, err } = await on.join(manager.agents, '--token', token, '--host', 'a', '--address', '10.0.0.8');
  t.is(code, 0, err);
  t.like(await readAgentFile(on.configDir), { host: 'a', address: '10.0.0.8' });
});

test('a file that is there is kept, and says who the host is; what it lacks is added', async t => {
  const manager = await startManager(t);
  const on = machine(t);
  const { id, token } = await manager.token();
  mkdirSync(on.configDir);
  writeFileSync(on.agentYaml, '# ours\nhost: a\nnetwork: east # of two\n');
  const other = await on.join(manager.agents, '--token', token, '--host', 'b', '--address', '10.0.0.7');
  t.is(other.code, 1);
  t.regex(
    other.err,
    /says that this host is "a" at 10\.0\.0\.7, and you say "b" at 10\.0\.0\.7\nTry: --host a --address 10\.0\.0\.7, or/,
  );
  t.false(await isUsed(manager, id));
  const { code, err } = await on.join(manager.agents, '--token', token, '--address', '10.0.0.7');
  t.is(code, 0, err);
  t.is(readFileSync(on.agentYaml, 'utf8'), '# ours\nhost: a\nnetwork: east # of two\naddress: 10.0.0.7\n');
});

test('a file that the agent could not read is refused before the token is used', async t => {
  const manager = await startManager(t);
  const on = machine(t);
  const { id, token } = await manager.token();
  mkdirSync(on.configDir);
  for (const [text, said] of [
    [
      'host: A_7\naddress: 10.0.0.7\ntunelPort: 1\n',
      /cannot be used:\n {2}line 1: host: must be .*\n {2}line 3: tunelPort: /,
    ],
    ['host: [', /cannot be used:\n {2}line 1: /],
    ['- a', /must be a map of fields/],
  ] as const) {
    writeFileSync(on.agentYaml, text);
    const { code, err } = await on.join(manager.agents, '--token', token);
    t.is(code, 1);
    t.regex(err, said);
  }
  t.false(await isUsed(manager, id));
});

test('where files cannot be written, the token is not used', async t => {
  const manager = await startManager(t);
  const on = machine(t);
  const { id, token } = await manager.token();
  writeFileSync(on.stateDir, 'a file');
  const { code, err } = await on.join(manager.agents, '--token', token, '--host', 'a');
  t.is(code, 1);
  t.regex(
    err,
    /^Cannot write to .*\/lib\/agent, so the token was not used: .*\nTry: as root, or with another --state-dir\n$/,
  );
  t.false(await isUsed(manager, id));
});

test('what cannot be written once the host has joined is said, with what to do', async t => {
  const manager = await startManager(t);
  const on = machine(t);
  const signal = AbortSignal.timeout(30_000);
  const file = await planAgentFile(on.configDir, { host: 'a', address: '10.0.0.7' }, { host: '', address: () => '' });
  const managers = [manager.agents];
  mkdirSync(on.configDir);
  writeFileSync(path(on.configDir, 'file'), 'no folder');
  const elsewhere = { ...file, path: path(on.configDir, 'file', 'agent.yaml') };
  const error = await t.throwsAsync(
    joinHost({ managers, token: (await manager.token()).token, file: elsewhere }, on, signal),
  );
  t.regex(
    error!.message,
    /^This host has joined as "a", and its key is kept, but .*\/file\/agent\.yaml cannot be written: E/,
  );
  t.like(error, { next: 'write into it "host: a" and "address: 10.0.0.7", a line each; no new token is needed' });
  t.like(await loadHostIdentity(on.stateDir), { host: 'a' });

  rmSync(hostIdentityPath(on.stateDir));
  mkdirSync(hostIdentityPath(on.stateDir));
  const lost = await t.throwsAsync(joinHost({ managers, token: (await manager.token()).token, file }, on, signal));
  t.regex(lost!.message, /^The Manager took "a" in, so the token is used up, but the key cannot be kept in .*: EISDIR/);
  t.false(existsSync(on.agentYaml));
});
