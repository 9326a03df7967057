import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import test from 'ava';
import { eventually } from '../eventually.ts';
import { runLoad, startBanner, startEcho, startLoad } from './apps.ts';
import { createNetwork } from './network.ts';

const run = promisify(execFile);

test('programs of hosts reach each other, by IPv4 and IPv6, under the user they were given', async t => {
  await using net = await createNetwork({ prefix: 'reach' });
  const [a, b] = [await net.host('a'), await net.host('b')];
  await startEcho(b, 'b1', [8080], { uid: 2001 });
  const report = await runLoad(a, { url: `http://${b.address}:8080/`, requests: 50, connections: 2 }, { uid: 2002 });
  t.like(report, { requests: 50, failed: 0, byInstance: { b1: 50 } });
  const answer = JSON.parse(await a.run(['curl', '-sS', '--max-time', '5', `http://[${b.address6}]:8080/x`]));
  t.like(answer, { instance: 'b1', source: a.address6, path: '/x' });
  t.is((await b.run(['id', '-u'], { uid: 2001 })).trim(), '2001');
});

test('load counts failures with their reason, and stops when told', async t => {
  await using net = await createNetwork({ prefix: 'load' });
  const a = await net.host('a');
  const server = await startEcho(a, 'one', ['127.0.0.1:8080']);
  const load = startLoad(a, { url: 'http://127.0.0.1:8080/', rate: 200 });
  await load.until(report => (report.byInstance['one'] ?? 0) >= 20);
  await server.kill('SIGKILL');
  await load.until(report => (report.failures['ECONNREFUSED'] ?? 0) >= 1);
  const report = await load.stop();
  t.is(report.requests, report.failed + report.byInstance['one']!);
  t.like(await runLoad(a, { url: 'http://127.0.0.1:9/', requests: 3 }), {
    requests: 3,
    failed: 3,
    failures: { ECONNREFUSED: 3 },
  });
});

test('each host has its own resolv.conf, and sees it change', async t => {
  await using net = await createNetwork({ prefix: 'resolv' });
  const [a, b] = [await net.host('a'), await net.host('b')];
  await a.setResolvers(['10.77.0.2'], 'search example\n');
  t.is(await a.run(['cat', '/etc/resolv.conf']), 'nameserver 10.77.0.2\nsearch example\n');
  t.is(await b.run(['cat', '/etc/resolv.conf']), '');
  const reader = a.spawn([
    'sh',
    '-c',
    'echo up; until grep -q 10.77.0.9 /etc/resolv.conf; do sleep 0.05; done; echo seen',
  ]);
  await reader.line(/up/);
  await a.setResolvers(['10.77.0.9']);
  t.is((await reader.exited).code, 0);
});

test('a container reaches hosts and cannot be reached by them', async t => {
  await using net = await createNetwork({ prefix: 'cont' });
  const [a, b] = [await net.host('a'), await net.host('b')];
  const c1 = await a.container('c1');
  await startEcho(c1, 'c1', [8080]);
  await startEcho(b, 'b', [8080]);
  t.is((await b.exec(['curl', '-sS', '--max-time', '1', `http://${c1.address}:8080/`])).code === 0, false);
  t.like(JSON.parse(await a.run(['curl', '-sS', `http://${c1.address}:8080/`])), { instance: 'c1' });
  const outside = ['curl', '-sS', '--max-time', '5'];
  t.like(JSON.parse(await c1.run([...outside, `http://${b.address}:8080/`])), {
    instance: 'b',
    source: `::ffff:${a.address}`,
  });
  t.like(JSON.parse(await c1.run([...outside, `http://[${b.address6}]:8080/`])), { instance: 'b', source: a.address6 });
});

test('a server that speaks first is heard before anything is said', async t => {
  await using net = await createNetwork({ prefix: 'banner' });
  const a = await net.host('a');
  const banner = await startBanner(a, 'first', 7000);
  t.is(await a.run(['socat', '-u', 'TCP:127.0.0.1:7000,readbytes=12', '-']), 'first ready\n');
  t.regex(await banner.line(/accepted/), /127\.0\.0\.1/);
});

test('disposing kills what runs and removes every trace', async t => {
  const net = await createNetwork({ prefix: 'gone' });
  const a = await net.host('a');
  const server = await startEcho(await a.container('c1'), 'x', [8080]);
  await net[Symbol.asyncDispose]();
  t.is((await server.exited).signal, 'SIGKILL');
  t.deepEqual(await traces(net.id), []);
});

test('what a killed process made is removed without it', async t => {
  const script = `
    const { createNetwork } = await import(${JSON.stringify(new URL('network.ts', import.meta.url).href)});
    const net = await createNetwork({ prefix: 'killed' });
    const a = await net.host('a');
    const program = a.spawn(['sleep', '1000']);
    console.log(net.id + ' ' + program.pid);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const [id = '', pid = ''] = line.toString().trim().split(' ');
  t.true((await traces(id)).length > 0);
  child.kill('SIGKILL');
  const none = (left: readonly string[]): boolean => left.length === 0;
  await eventually('no trace of the network', () => traces(id), none, { timeoutMs: 10_000, pauseMs: 20 });
  // An orphan that nobody has reaped yet still has a pid, and no program.
  t.is(await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''), '');
});

test('what nobody watches any more is swept at the next start', async t => {
  const id = 'ih-swept-999999999-1-1';
  await run('ip', ['netns', 'add', `${id}.a`]);
  const left = spawn('ip', ['netns', 'exec', `${id}.a`, 'sleep', '1000'], { stdio: 'ignore' });
  const exit = once(left, 'exit');
  await using _net = await createNetwork({ prefix: 'sweeper' });
  t.deepEqual(await traces(id), []);
  const [code, signal] = await exit;
  t.true(signal === 'SIGKILL' || code !== 0, 'killed, or another sweep was faster and there was nothing left to enter');
});

/** Everything on this machine that carries the id of a network. */
async function traces(id: string): Promise<string[]> {
  const found: string[] = [];
  for (const folder of ['/run/netns', '/etc/netns', '/tmp']) {
    const names = await readdir(folder).catch(() => [] as string[]);
    found.push(...names.filter(name => name.startsWith(id)).map(name => `${folder}/${name}`));
  }
  return found;
}
