import { execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import test from 'ava';
import { isAlive, type ProcessRef, processRef } from '../../agent/envoy/process-ref.ts';
import type { DemoSummary } from '../../packaging/demo/summary.ts';
import { eventually } from '../eventually.ts';
import { type Running, watch } from '../hosts/process.ts';
import { sharedMemory } from '../hosts/shared-memory.ts';

const run = promisify(execFile);

/** A demo is up in so many milliseconds from its start, where all is installed. */
const UP_MS = 60_000;

/** Starts `npm start` as a person does, in a process group of its own. */
function start(...args: readonly string[]): Running {
  const argv = ['npm', 'start', '--', ...args];
  return watch(spawn(argv[0]!, argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], detached: true }), argv);
}

/** What a demo has on this machine while it runs; after its end nothing of that may be left. */
interface Belongings {
  readonly processes: readonly ProcessRef[];
  /** Of the Envoys of its hosts. */
  readonly memory: readonly string[];
}

const NOTHING: Belongings = { processes: [], memory: [] };

/** Its hosts are named for its process, by pid and start time; so are folders of its servers. @param said its standard error. */
function idOf(said: string): string {
  const [, id] = /ih-demo-(\d+-\d+)-\d+\.alpha/.exec(said) ?? [];
  if (id === undefined) throw new Error(`it did not name its hosts: ${said}`);
  return id;
}

/** What belongs to a demo that is up. */
async function belongings(id: string): Promise<Belongings> {
  const namespaces = (await readdir('/run/netns')).filter(name => name.includes(`-${id}-`));
  const inside = await Promise.all(namespaces.map(name => run('ip', ['netns', 'pids', name])));
  const pids = inside.flatMap(({ stdout }) => stdout.split('\n').filter(Boolean).map(Number));
  const refs = await Promise.all([...pids, ...named(id)].map(processRef));
  const runDirs = ['alpha', 'beta'].map(host => `/tmp/ih-demo-${id}-1/${host}/run`);
  return { processes: refs.filter(ref => ref !== undefined), memory: await Promise.all(runDirs.map(sharedMemory)) };
}

/** Processes whose command line names something of the demo: Envoys, and what watches over its hosts and servers. */
function named(id: string): number[] {
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name));
  return pids.filter(pid => commandLine(pid).includes(`-${id}-`)).map(Number);
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // it ended since the listing
  }
}

/** Everything on this machine that belongs to a demo. */
async function traces(id: string, { processes, memory }: Belongings): Promise<string[]> {
  const found = memory.filter(existsSync);
  for (const folder of ['/run/netns', '/etc/netns', tmpdir()]) {
    const names = await readdir(folder).catch(() => [] as string[]);
    found.push(...names.filter(name => name.includes(`-${id}-`)).map(name => `${folder}/${name}`));
  }
  for (const ref of processes) if (await isAlive(ref)) found.push(`process ${ref.pid}`);
  found.push(...named(id).map(pid => `process ${pid}: ${commandLine(String(pid))}`));
  return found.sort();
}

/** Resolves once a demo that was just started is up, to what belongs to it. @throws when that takes too long. */
async function up(demo: Running): Promise<Belongings> {
  const hosts = demo.line(/^demo: made/, UP_MS);
  await demo.line(/^demo: up after/, UP_MS);
  return await belongings(idOf(await hosts));
}

/** The cleaner works on after the demo was killed. */
async function gone(said: string, had = NOTHING): Promise<readonly string[]> {
  const none = (left: readonly string[]): boolean => left.length === 0;
  return await eventually('no trace of the demo', () => traces(idOf(said), had), none, { timeoutMs: 15_000 });
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
  await up(demo);
  process.kill(-demo.pid, 'SIGINT');
  t.deepEqual(await gone((await demo.exited).stderr), []);
});

test.serial('nor does kill -9 in the middle of setting up', async t => {
  const demo = start();
  await demo.line(/^demo: joining/, UP_MS);
  process.kill(-demo.pid, 'SIGKILL');
  t.deepEqual(await gone((await demo.exited).stderr), []);
});

test.serial('nor does kill -9 in the middle of the play, and the next start is not held up by it', async t => {
  t.timeout(240_000);
  const killed = start();
  const had = await up(killed);
  t.true(had.processes.length > 10 && had.memory.every(existsSync), JSON.stringify(had));
  await killed.line(/web -> reviews \d\d/);
  process.kill(-killed.pid, 'SIGKILL');
  const next = start('--for', '10s', '--output', 'json');
  const nextHad = await up(next);
  const { code, stdout, stderr } = await next.exited;
  t.is(code, 0, stderr);
  t.is((JSON.parse(stdout) as DemoSummary).failed, 0);
  t.deepEqual(await gone(stderr, nextHad), []);
  t.deepEqual(await gone((await killed.exited).stderr, had), []);
});
