import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import test from 'ava';
import type { DemoSummary } from '../../packaging/demo/summary.ts';
import { eventually } from '../eventually.ts';
import { type Running, watch } from '../hosts/process.ts';

/** For a demo to be up on a busy machine, milliseconds. */
const UP_MS = 110_000;

/** Starts `npm start` as a person does, in a process group of its own. */
function start(...args: readonly string[]): Running {
  const argv = ['npm', 'start', '--', ...args];
  return watch(spawn(argv[0]!, argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], detached: true }), argv);
}

/** Everything on this machine that belongs to a demo; it names its hosts before anything else. */
async function traces(said: string): Promise<string[]> {
  const [, id] = /(ih-demo-[\d-]+)\.alpha/.exec(said) ?? [];
  if (id === undefined) throw new Error(`it did not name its hosts: ${said}`);
  const found: string[] = [];
  for (const folder of ['/run/netns', '/etc/netns', '/tmp']) {
    const names = await readdir(folder).catch(() => [] as string[]);
    found.push(...names.filter(name => name.startsWith(id)).map(name => `${folder}/${name}`));
  }
  return found.sort();
}

/** The cleaner works on after the demo was killed. */
async function gone(said: string): Promise<readonly string[]> {
  const none = (left: readonly string[]): boolean => left.length === 0;
  return await eventually('no trace of the demo', () => traces(said), none, { timeoutMs: 15_000 });
}

test.serial('npm start --for ends by itself with one JSON object on standard output and no failed call', async t => {
  const demo = start('--for', '10s', '--output', 'json');
  const { code, stdout, stderr } = await demo.exited;
  const summary = JSON.parse(stdout) as DemoSummary;
  t.is(code, 0, stderr);
  t.is(summary.failed, 0);
  t.true(summary.calls > 300, `${summary.calls} calls`);
  t.true(summary.refused > 10, `${summary.refused} refused`);
  const instances = Object.values(summary.byInstance);
  t.is(instances.length, 4);
  t.true(instances.every(({ calls }) => calls > 0));
  t.is(
    instances.reduce((sum, { calls }) => sum + calls, 0),
    summary.calls,
  );
  t.is(new Set(instances.map(({ host }) => host)).size, 2);
  t.is(new Set(instances.map(({ registry }) => registry)).size, 2);
  t.deepEqual(await gone(stderr), []);
});

test.serial('Ctrl-C leaves nothing behind', async t => {
  const demo = start();
  await demo.line(/^demo: up after/, UP_MS);
  process.kill(-demo.pid, 'SIGINT');
  t.deepEqual(await gone((await demo.exited).stderr), []);
});

test.serial('nor does kill -9 in the middle of setting up', async t => {
  const demo = start();
  await demo.line(/^demo: joining/, UP_MS);
  process.kill(-demo.pid, 'SIGKILL');
  t.deepEqual(await gone((await demo.exited).stderr), []);
});
