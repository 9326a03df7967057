import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'ava';
import { isAlive, processRef } from '../../agent/envoy/process-ref.ts';
import { eventually } from '../eventually.ts';
import { makeFolder, sweepFolders } from '../folders.ts';

/** A test with a server of its own that says where its folder is, and the pids of the supervisor and of the server. */
const SCRIPT = `
  const { makeFolder } = await import(${JSON.stringify(new URL('../folders.ts', import.meta.url).href)});
  const { startServer } = await import(${JSON.stringify(new URL('server.ts', import.meta.url).href)});
  const { processStat } = await import(${JSON.stringify(new URL('../../manager/model/util/process-stat.ts', import.meta.url).href)});
  const folder = makeFolder('real-server');
  const argv = ['sh', '-c', 'sleep 1000; :', folder + '/data'];
  const server = await startServer({ folder, argv, ready: async () => undefined, readyTimeoutMs: 5_000 });
  console.log([folder, processStat(server.pid).parent, server.pid].join(' '));
  setInterval(() => {}, 1000);`;

test('what a test left that was killed with the supervisors of its servers is removed by the next, and nothing else', async t => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', SCRIPT], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const said = await createInterface(child.stdout)[Symbol.asyncIterator]().next();
  const [folder = '', supervisor, pid] = String(said.value).split(' ');
  const server = await processRef(Number(pid));
  sweepFolders();
  t.true(existsSync(folder) && (await isAlive(server!)), 'its maker lives');
  process.kill(Number(supervisor), 'SIGKILL');
  child.kill('SIGKILL');
  await eventually(
    'its end',
    () => processRef(child.pid!),
    ref => ref === undefined,
  );
  t.true(existsSync(folder), 'nobody was left to remove it');
  const foreign = join(dirname(folder), basename(folder).replace('-real-server-', '-Server-'));
  mkdirSync(foreign);
  t.teardown(() => rmSync(foreign, { recursive: true }));

  const own = makeFolder('sweeper');
  t.teardown(() => rmSync(own, { recursive: true }));
  t.false(existsSync(folder));
  t.true(existsSync(foreign), 'of another kind');
  await eventually(
    'the end of the server',
    () => isAlive(server!),
    alive => !alive,
  );
});

test('a pid that another process has now is not its maker', t => {
  const own = makeFolder('owner');
  const older = own.replace(/-\d+-(?=\w+$)/, '-1-');
  mkdirSync(older);
  t.teardown(() => rmSync(own, { recursive: true }));
  sweepFolders();
  t.deepEqual([existsSync(own), existsSync(older)], [true, false]);
});
