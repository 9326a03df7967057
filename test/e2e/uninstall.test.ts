import { readdir, rm } from 'node:fs/promises';
import test from 'ava';
import { oneHost } from './one-host.ts';

test('uninstall while the agent starts Envoy waits for its end, and leaves nothing', async t => {
  t.timeout(120_000);
  await using on = await oneHost('uninstall');
  const { alpha } = on;
  const { host } = alpha;
  const { envoy } = await alpha.status();
  await alpha.agent().kill('SIGKILL');
  process.kill(envoy.pid, 'SIGKILL');
  await alpha.startAgent();
  const { code, stderr } = await alpha.isthmus('agent', 'uninstall', '--grace', '0');
  t.is(code, 0, stderr);
  await t.throwsAsync(readdir(`/proc/${alpha.agent().pid}`), { code: 'ENOENT' });
  const [programs, rules] = [
    await host.run(['ip', 'netns', 'pids', host.namespace]),
    ['/usr/sbin/nft', 'list', 'tables'],
  ];
  const names = programs
    .trim()
    .split('\n')
    .map(pid => host.run(['cat', `/proc/${pid}/comm`]).catch(() => ''));
  t.false((await Promise.all(names)).includes('envoy\n'));
  t.is(await host.run(rules), '');
  await t.throwsAsync(readdir(host.runDir), { code: 'ENOENT' });
});

test('uninstall right after its folders were removed ends the agent too, which would make all of it again', async t => {
  t.timeout(120_000);
  await using on = await oneHost('bare');
  const { alpha } = on;
  const { host } = alpha;
  for (const folder of [host.runDir, host.stateDir]) await rm(folder, { recursive: true });
  const { code, stderr } = await alpha.isthmus('agent', 'uninstall', '--grace', '0');
  t.is(code, 0, stderr);
  await t.throwsAsync(readdir(`/proc/${alpha.agent().pid}`), { code: 'ENOENT' });
  t.is(await host.run(['/usr/sbin/nft', 'list', 'tables']), '');
  await t.throwsAsync(readdir(host.runDir), { code: 'ENOENT' });
});
