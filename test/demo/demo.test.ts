import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import test from 'ava';
import type { DemoSummary } from '../../packaging/demo/summary.ts';
import { eventually } from '../eventually.ts';

/** Starts `npm start` as a person does, in a process group of its own. */
function start(...args: readonly string[]) {
  const child = spawn('npm', ['start', '--', ...args], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const stdout = text(child.stdout);
  const lines: string[] = [];
  const stderr = createInterface({ input: child.stderr });
  stderr.on('line', line => lines.push(line));
  const says = async (what: RegExp): Promise<void> => {
    while (!lines.some(line => what.test(line))) {
      const ended = once(child, 'exit').then(() => Promise.reject(new Error(`it ended: ${lines.join('\n')}`)));
      await Promise.race([once(stderr, 'line'), ended]);
    }
  };
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  return { pid: child.pid!, stdout, lines, says, ended };
}

/** Everything on this machine that belongs to a demo; it names its hosts before anything else. */
async function traces(lines: readonly string[]): Promise<string[]> {
  const [, id] = /(ih-demo-[\d-]+)\.alpha/.exec(lines.join('\n')) ?? [];
  if (id === undefined) throw new Error(`it did not name its hosts: ${lines.join('\n')}`);
  const found: string[] = [];
  for (const folder of ['/run/netns', '/etc/netns', '/tmp']) {
    const names = await readdir(folder).catch(() => [] as string[]);
    found.push(...names.filter(name => name.startsWith(id)).map(name => `${folder}/${name}`));
  }
  return found.sort();
}

/** The cleaner works on after the demo was killed. */
async function gone(lines: readonly string[]): Promise<readonly string[]> {
  const none = (left: readonly string[]): boolean => left.length === 0;
  return await eventually('no trace of the demo', () => traces(lines), none, { timeoutMs: 15_000 });
}

test.serial('npm start --for ends by itself with one JSON object on standard output and no failed call', async t => {
  const demo = start('--for', '10s', '--output', 'json');
  const [code] = await demo.ended;
  const summary = JSON.parse(await demo.stdout) as DemoSummary;
  t.is(code, 0, demo.lines.join('\n'));
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
  t.deepEqual(await gone(demo.lines), []);
});

test.serial('Ctrl-C leaves nothing behind', async t => {
  const demo = start();
  await demo.says(/^demo: up after/);
  process.kill(-demo.pid, 'SIGINT');
  await demo.ended;
  t.deepEqual(await gone(demo.lines), []);
});

test.serial('nor does kill -9 in the middle of setting up', async t => {
  const demo = start();
  await demo.says(/^demo: joining/);
  process.kill(-demo.pid, 'SIGKILL');
  await demo.ended;
  t.deepEqual(await gone(demo.lines), []);
});
