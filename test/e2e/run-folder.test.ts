import { readdir, readFile, rm } from 'node:fs/promises';
import test from 'ava';
import { eventually } from '../eventually.ts';
import { startLoad } from '../hosts/apps.ts';
import { folderFlags, type Host } from '../hosts/host.ts';
import { REVIEWS, UID } from './cast.ts';
import type { AgentStatusJson } from './mesh.ts';
import { oneHost } from './one-host.ts';

/** Envoys that were started in the host's run folder. */
async function envoys({ runDir }: Host): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
  const commands = await Promise.all(pids.map(pid => readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')));
  return pids.filter((_, index) => commands[index]?.startsWith(`${runDir}/bin/envoy\0`)).map(Number);
}

test('who removes the run folder leaves neither an agent that nobody finds nor an Envoy that nobody tells anything', async t => {
  t.timeout(180_000);
  await using on = await oneHost('runfolder');
  const { alpha } = on;
  const { host } = alpha;
  const serving = (): Promise<AgentStatusJson> =>
    eventually(
      'one Envoy, which has its config',
      async () => ({ status: await alpha.status(), pids: await envoys(host) }),
      ({ status: { envoy, workloads }, pids }) =>
        envoy.connected &&
        pids.length === 1 &&
        pids[0] === envoy.pid &&
        workloads.every(({ state }) => state === 'joined'),
    ).then(({ status }) => status);
  const first = await serving();
  const load = startLoad(host, { url: REVIEWS, connections: 2, rate: 50 }, { uid: UID.web });
  await load.until(({ requests }) => requests > 20);

  await rm(host.runDir, { recursive: true });
  const second = await eventually(
    'the agent answers, with another Envoy',
    serving,
    ({ envoy }) => envoy.pid !== first.envoy.pid,
  );
  t.is(second.pid, first.pid);
  const twin = await host.exec([
    new URL('../../packaging/bin/isthmus', import.meta.url).pathname,
    'agent',
    ...folderFlags(host),
  ]);
  t.regex(twin.stderr, /An agent runs on this host already/);

  // As a service manager may do it that takes the folder for the agent's alone.
  await alpha.agent().kill('SIGKILL');
  await rm(host.runDir, { recursive: true });
  await alpha.startAgent();
  t.not((await serving()).envoy.pid, second.envoy.pid);
  const { requests } = load.now();
  await load.until(report => report.requests > requests + 50);
  const { failed, failures } = await load.stop();
  // What was under way in an Envoy that was replaced: one for each connection.
  t.true(failed <= 4, JSON.stringify(failures));

  await alpha.agent().kill('SIGKILL');
  await rm(host.runDir, { recursive: true });
  const { code, stderr } = await alpha.isthmus('agent', 'uninstall', '--grace', '0');
  t.is(code, 0, stderr);
  t.deepEqual(await envoys(host), []);
  t.is(await host.run(['/usr/sbin/nft', 'list', 'ruleset']), '');
});
