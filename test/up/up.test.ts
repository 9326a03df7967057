import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { AgentStatus } from '../../agent/status/status.ts';
import type { ServiceReport } from '../../manager/api/inspect.ts';
import { eventually } from '../eventually.ts';
import { startEcho } from '../hosts/apps.ts';
import { folderFlags, type Host } from '../hosts/host.ts';
import { createNetwork } from '../hosts/network.ts';

const ISTHMUS = new URL('../../packaging/bin/isthmus', import.meta.url).pathname;
/** For each thing that must come about. */
const LIMIT_MS = 60_000;
const [WEB, HELLO] = [2001, 2002];

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  await eventually(what, holds, Boolean, { timeoutMs: LIMIT_MS });
}

async function write(folder: string, name: string, content: object): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), JSON.stringify(content));
}

async function agentOf(host: Host): Promise<AgentStatus | undefined> {
  const socket = join(host.runDir, 'agent.sock');
  const { code, stdout } = await host.exec(['curl', '-s', '--unix-socket', socket, 'http://agent/status']);
  return code === 0 ? (JSON.parse(stdout) as AgentStatus) : undefined;
}

async function nameWorkloads(host: Host): Promise<void> {
  await write(join(host.configDir, 'workloads.d'), 'hello.yaml', {
    name: 'hello',
    services: ['hello'],
    ports: [{ port: 8080, protocol: 'http' }],
    selector: { user: HELLO },
  });
  await write(join(host.configDir, 'workloads.d'), 'web.yaml', { name: 'web', selector: { user: WEB } });
}

test('isthmus up is a mesh of one host: it serves, brings back what dies, ends in order, and can be taken away', async t => {
  await using network = await createNetwork({ prefix: 'up' });
  const host = await network.host('solo');
  await host.setResolvers([host.address]);
  const before = await host.run(['/usr/sbin/nft', 'list', 'ruleset']);
  await nameWorkloads(host);
  await startEcho(host, 'hello-1', [8080], { uid: HELLO });

  // As on a machine that is new, and where root's files are for nobody else.
  await rm(host.runDir, { recursive: true });
  const strict = ['sh', '-c', 'umask 077; exec "$@"', 'sh'];
  const up = host.spawn([...strict, ISTHMUS, 'up', '--host', 'solo', ...folderFlags(host)]);
  const works = async (...flags: string[]): Promise<boolean> => {
    const call = ['curl', '-s', '--max-time', '2', ...flags, 'http://hello:8080/'];
    const { stdout } = await host.exec(call, { uid: WEB });
    return stdout.includes('"instance":"hello-1"');
  };
  const joined = async (): Promise<boolean> => {
    const status = await agentOf(host);
    return status?.workloads.length === 2 && status.workloads.every(({ state }) => state === 'joined');
  };
  await Promise.race([
    until('a mesh of one host', async () => (await joined()) && (await works())),
    up.exited.then(({ stderr }) => Promise.reject(new Error(`isthmus up ended: ${stderr}`))),
  ]);

  const second = await host.exec([ISTHMUS, 'up', '--host', 'solo', ...folderFlags(host)]);
  t.is(second.code, 1, second.stderr);
  t.regex(
    second.stderr,
    /^A Manager, process \d+, runs on this host already; isthmus up starts both itself\nTry: isthmus status/,
  );

  const early = await host.exec([ISTHMUS, 'agent', 'uninstall', '--grace', '0', ...folderFlags(host)]);
  t.is(early.code, 1, early.stderr);
  t.regex(
    early.stderr,
    /isthmus up \(process \d+\) starts the agent of this host again .*\nTry: end that first .* isthmus agent uninstall/,
  );

  const first = (await agentOf(host))!.pid;
  await host.run(['kill', '-9', String(first)]);
  await until('another agent', async () => {
    const pid = (await agentOf(host))?.pid;
    return pid !== undefined && pid !== first;
  });
  await until('calls by name', works);

  const services = await host.run([ISTHMUS, 'services', '-o', 'json', '--run-dir', host.runDir]);
  const [hello] = JSON.parse(services) as [ServiceReport];
  const { code, stderr } = await up.kill('SIGTERM');
  t.is(code, 0, stderr);
  t.is(await agentOf(host), undefined);
  // The agent tells names; what knows the address needs no agent.
  const resolved = ['--resolve', `hello:8080:${hello.virtualIps[0]}`];
  t.true(await works(...resolved), 'Envoy and the rules stay until they are removed');

  const removed = await host.run([ISTHMUS, 'agent', 'uninstall', '--grace', '0', ...folderFlags(host)]);
  t.regex(removed, /out of the mesh/);
  t.is(await host.run(['/usr/sbin/nft', 'list', 'ruleset']), before);
  t.false(await works(...resolved));
});
