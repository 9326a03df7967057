import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { serveStatus } from '../../agent/status/server.ts';
import type { AgentStatus } from '../../agent/status/status.ts';
import { connectManager } from '../../manager/cli/client.ts';
import { makeFolder } from '../../test/folders.ts';
import { dispatch } from '../cli/dispatch.ts';
import { agentStatusCommand } from './agent-status.ts';
import { statusCommand } from './status.ts';

const WELL: AgentStatus = {
  host: 'alpha',
  pid: 7,
  version: '1.2.3',
  startedAt: Date.now() - 5000,
  manager: { address: '10.0.0.1:15012', connected: true, lastHeard: Date.now() },
  envoy: { pid: 8, connected: true, version: '1.40.0', restarts: 0 },
  workloads: [
    {
      uid: 'alpha/default/web',
      identity: 'spiffe://isthmus.mesh/ns/default/sa/web',
      state: 'joined',
      outboundPort: 20_000,
    },
  ],
  services: ['reviews.default.mesh'],
  redirect: { active: true },
  rejections: [],
  problems: [],
};
const ILL: AgentStatus = {
  ...WELL,
  manager: { address: '10.0.0.1:15012', connected: false, reason: 'no route' },
  problems: [{ where: '/etc/isthmus/workloads.d/a.yaml:1', why: 'name: is missing' }],
};

async function run(t: ExecutionContext, status: AgentStatus | undefined, ...argv: string[]) {
  return await command(t, status, 'status', ...argv);
}

async function command(t: ExecutionContext, status: AgentStatus | undefined, name: string, ...argv: string[]) {
  const folder = makeFolder('status');
  t.teardown(() => rm(folder, { recursive: true }));
  await using _server = status && (await serveStatus(join(folder, 'agent.sock'), { status: () => status }));
  const seen = { out: '', err: '' };
  const code = await dispatch([statusCommand, agentStatusCommand], [...name.split(' '), '--run-dir', folder, ...argv], {
    stdout: { write: (text: string) => (seen.out += text) },
    stderr: { write: (text: string) => (seen.err += text) },
    stdin: async () => '',
    isTTY: false,
    columns: 80,
    connect: connectManager,
    signal: new AbortController().signal,
  });
  return { code, ...seen };
}

test('times bear their zone, and what is wrong is named once', async t => {
  const [workload] = WELL.workloads;
  const reason = 'is on the link alone';
  const { out } = await run(t, {
    ...WELL,
    workloads: [{ ...workload!, certificateExpires: Date.UTC(2026, 0, 2, 3, 4) }],
    rejections: [{ resource: 'capture of name server fe80::1%eth0', reason, origins: ['name server fe80::1%eth0'] }],
  });
  t.regex(out, /^alpha\/default\/web +joined +2026-01-02T03:04Z +default\/web$/m);
  t.regex(out, /^ {2}capture of name server fe80::1%eth0: is on the link alone$/m);
});

test('on a host without a Manager, status tells what the agent knows', async t => {
  const { code, out } = await run(t, WELL, '--check');
  t.is(code, 0);
  t.regex(out, /^Host {7}alpha, agent 1\.2\.3, up for \d+s$/m);
  t.regex(out, /^Manager {4}10\.0\.0\.1:15012, connected, last heard \d+s ago$/m);
  t.regex(out, /^alpha\/default\/web +joined/m);
});

test('with --check what is wrong is said and is the exit code', async t => {
  const { code, out } = await run(t, ILL, '--check');
  t.is(code, 1);
  t.regex(out, /not connected: no route/);
  t.regex(out, /workloads\.d\/a\.yaml:1: name: is missing/);
  t.is((await run(t, ILL)).code, 0);
});

test('as JSON it is the whole answer of the agent', async t => {
  const { out } = await run(t, WELL, '-o', 'json');
  t.deepEqual(JSON.parse(out), WELL);
});

test('where neither runs, both are missed, and nobody is sent to the command that just said so', async t => {
  const { code, err } = await run(t, undefined);
  t.is(code, 1);
  t.regex(err, /^Neither a Manager nor an agent runs here: /);
  t.notRegex(err, /Try:.*isthmus status/);
});

test('a workload without a certificate is told why, and what to do', async t => {
  const [web] = WELL.workloads;
  const reason = 'host "alpha" may not be "spiffe://isthmus.mesh/ns/default/sa/web"; its join token allowed shop/*';
  const { code, out } = await command(
    t,
    {
      ...WELL,
      workloads: [{ ...web!, state: 'waiting for certificate', certificateReason: reason }],
    },
    'agent status',
    '--check',
  );
  t.is(code, 1);
  t.regex(out, /^alpha\/default\/web +waiting for certificate/m);
  t.true(out.includes(`  certificate of alpha/default/web: ${reason}\n`), out);
  t.regex(out, /^Try: on the Manager: isthmus token create --host alpha --identity default\/web$/m);
  t.regex(out, /^Try: then here: isthmus join 10\.0\.0\.1:15012 --token <token>, and start the agent again$/m);
});

test('where no agent runs, its status says so', async t => {
  const { code, err } = await command(t, undefined, 'agent status');
  t.is(code, 1);
  t.is(err, 'No agent runs on this host\nTry: isthmus agent\n');
});

const [WEB] = WELL.workloads;
const CHECKED: readonly [string, Partial<AgentStatus>, string | undefined][] = [
  ['a host that is well', {}, undefined],
  [
    'one without workloads',
    { workloads: [], redirect: { active: false, reason: 'no workload is in the mesh yet' } },
    undefined,
  ],
  [
    'one without workloads whose rules cannot be set',
    { workloads: [], redirect: { active: false, reason: 'nft failed' } },
    'Capture is not in force: nft failed',
  ],
  [
    'capture as before',
    { redirect: { active: true, reason: 'nft failed' } },
    'Capture is in force as before, what is new is not: nft failed',
  ],
  ['no capture', { redirect: { active: false, reason: 'nft failed' } }, 'Capture is not in force: nft failed'],
  ['no Manager', { manager: ILL.manager }, 'The Manager is not connected: no route'],
  ['no Envoy', { envoy: { ...WELL.envoy, connected: false } }, 'Envoy is not connected'],
  [
    'a workload that waits',
    {
      workloads: [{ ...WEB!, state: 'waiting for policy' }],
      redirect: { active: false, reason: 'no workload is in the mesh yet' },
    },
    'alpha/default/web is waiting for policy',
  ],
  [
    'refused config',
    { rejections: [{ resource: 'out/1', reason: 'no', origins: ['VirtualService a/b'] }] },
    'out/1 (from VirtualService a/b): no',
  ],
  [
    'an Envoy that does not answer',
    { envoy: { ...WELL.envoy, reason: 'does not answer since 2026-01-02T03:04:05.000Z' } },
    'Envoy does not answer since 2026-01-02T03:04:05.000Z',
  ],
  ['a problem', { problems: ILL.problems }, '/etc/isthmus/workloads.d/a.yaml:1: name: is missing'],
];

for (const [what, status, wrong] of CHECKED)
  test(`--check of ${what}: what is printed as wrong is the exit code`, async t => {
    const { code, out } = await run(t, { ...WELL, ...status }, '--check');
    t.is(code, wrong === undefined ? 0 : 1, out);
    t.is(/\nWrong:\n((?: {2}.*\n)+)/.exec(out)?.[1], wrong && `  ${wrong}\n`, out);
  });
