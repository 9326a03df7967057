import { mkdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { envoyPaths } from '../../agent/envoy/paths.ts';
import { eventually } from '../eventually.ts';
import { answers, oneHost } from './one-host.ts';

test('what one workload lacks, rights of Envoy or a link to its namespace, keeps no other from its config, and comes by itself', async t => {
  t.timeout(180_000);
  await using on = await oneHost('rights');
  const { alpha, list } = on;
  const { host } = alpha;
  const { envoy } = await alpha.status();

  const { program } = envoyPaths(host.runDir, host.stateDir);
  await rm(program);
  await mkdir(program);
  const box = await host.container('box');
  await alpha.workload({ name: 'box', selector: { networkNamespace: box.namespacePath }, addresses: [box.address] });
  const { rejections } = await eventually(
    'it is told why the workload is left out',
    () => alpha.status(),
    status => status.rejections.some(({ resource }) => resource.endsWith('/box')),
  );
  t.regex(
    rejections[0]!.reason,
    /no Envoy that may enter network namespaces \(CAP_SYS_ADMIN\) could be started: .*; tried again every 30 s/,
  );
  await list(9082);
  await answers(host, 'r2');
  const status = await alpha.status();
  t.is(status.envoy.pid, envoy.pid);
  t.deepEqual(status.redirect, { active: true });
  t.deepEqual(
    status.workloads.filter(({ state }) => state !== 'joined').map(({ uid }) => uid),
    [rejections[0]!.resource.replace('workload ', '')],
  );

  await rmdir(program);
  await answers(box, 'r2');
  t.deepEqual((await alpha.status()).rejections, []);
  await answers(host, 'r2');

  const links = join(host.runDir, 'namespaces');
  await rm(links, { recursive: true });
  await writeFile(links, '');
  const crate = await host.container('crate');
  await alpha.workload({ name: 'crate', selector: { networkNamespace: crate.namespacePath } });
  await eventually(
    'the new workload is known',
    () => alpha.status(),
    ({ workloads }) => workloads.length === 5,
  );
  await list(9081);
  await answers(host, 'r1');
  t.regex(
    (await alpha.status()).rejections.find(({ resource }) => /^workload .*\/crate$/.test(resource))?.reason ?? '',
    /^its network namespace cannot be linked: ENOTDIR/,
  );
  await rm(links);
  await answers(crate, 'r1');
});

test('an agent that may give no right to enter namespaces, in whatever state it finds Envoy, has the host served', async t => {
  t.timeout(180_000);
  await using on = await oneHost('unable');
  const { alpha, list } = on;
  const { host } = alpha;
  const box = await host.container('box');
  await alpha.workload({ name: 'box', selector: { networkNamespace: box.namespacePath }, addresses: [box.address] });
  await answers(box, 'r1');
  const envoyPid = async (): Promise<number> => {
    const { envoy } = await eventually(
      'the agent knows its Envoy',
      () => alpha.status(),
      status => status.envoy.pid > 0,
    );
    return envoy.pid;
  };
  const killEnvoy = async (): Promise<void> => void process.kill(await envoyPid(), 'SIGKILL');
  const boxLeftOut = (): Promise<unknown> =>
    eventually(
      'it is told why the workload is left out',
      () => alpha.status(),
      ({ rejections }) =>
        rejections.some(
          ({ resource, reason }) => resource.endsWith('/box') && /^no Envoy .*; tried again every 30 s$/.test(reason),
        ),
    );

  await alpha.agent().kill('SIGKILL');
  await alpha.startAgent(UNABLE);
  await list(9082);
  await answers(host, 'r2');
  await killEnvoy();
  await boxLeftOut();
  await answers(host, 'r2');

  await killEnvoy();
  await list(9081);
  await answers(host, 'r1');

  const pid = await envoyPid();
  await alpha.agent().kill('SIGKILL');
  process.kill(pid, 'SIGKILL');
  await alpha.startAgent(UNABLE);
  await boxLeftOut();
  await answers(host, 'r1');
  await list(9082);
  await answers(host, 'r2');

  await alpha.agent().kill('SIGKILL');
  await alpha.startAgent();
  await answers(box, 'r2');
  await answers(host, 'r2');
  t.deepEqual((await alpha.status()).rejections, []);
});

/** Runs a program that can neither enter network namespaces nor let others. */
const UNABLE = ['setpriv', '--bounding-set', '-sys_admin', '--'];
