import test from 'ava';
import { eventually } from '../eventually.ts';
import type { Host } from '../hosts/host.ts';
import { createNetwork } from '../hosts/network.ts';
import type { Running } from '../hosts/process.ts';
import { portTaken } from '../hosts/sockets.ts';

const WORKLOAD = 2001;
const STRANGER = 2009;

const program = (name: string): string => new URL(name, import.meta.url).pathname;

async function startResolver(host: Host, address: string): Promise<Running> {
  const running = host.spawn([process.execPath, program('resolver.ts'), address]);
  await running.line(/^listening$/);
  return running;
}

async function startAgent(host: Host): Promise<Running> {
  const running = host.spawn([process.execPath, program('agent.ts'), host.stateDir, String(WORKLOAD)]);
  await running.line(/^ready/);
  return running;
}

/** Addresses that the C library finds, as programs do; empty when there are none. */
async function lookUp(host: Host, uid: number, name: string, family = 'ahostsv4'): Promise<string> {
  const { stdout } = await host.exec(['getent', family, name], { uid });
  return [...new Set(stdout.split('\n').map(line => line.split(' ')[0]))].filter(Boolean).join();
}

test('a workload finds the mesh, and everything else where it was before', async t => {
  await using net = await createNetwork({ prefix: 'dns' });
  const [a, b, c] = [await net.host('a'), await net.host('b'), await net.host('c')];
  const [hosts, other] = [await startResolver(b, '192.0.2.1'), await startResolver(c, '192.0.2.2')];
  await a.setResolvers([b.address]);
  const agent = await startAgent(a);
  t.is(await lookUp(a, WORKLOAD, 'reviews.default'), '240.240.0.1');
  t.is(await lookUp(a, WORKLOAD, 'reviews.default.mesh', 'ahostsv6'), 'fd69:7374:686d::1');
  t.is(
    await lookUp(a, WORKLOAD, 'reviews'),
    '240.240.0.2',
    "a short name is first looked for in the asker's namespace",
  );
  await agent.line(/asked reviews\.shop\.mesh/);
  t.is(await lookUp(a, WORKLOAD, 'example.org'), '192.0.2.1');
  t.is(await lookUp(a, WORKLOAD, 'missing.example.org'), '');
  t.is(await lookUp(a, STRANGER, 'reviews.default'), '192.0.2.1', 'only workloads are captured');
  const dig = (...args: string[]): Promise<string> => a.run(['dig', '+short', '+tries=1', ...args], { uid: WORKLOAD });
  t.is(await dig('+tcp', 'reviews.default.mesh'), '240.240.0.1\n');
  t.is(await dig('+tcp', 'example.org'), '192.0.2.1\n');
  await hosts.line(/^tcp A example\.org$/);
  t.is(
    await dig(`@${c.address}`, 'reviews.default.mesh'),
    '192.0.2.2\n',
    'a server asked by its address answers itself',
  );
  await other.line(/reviews/);
});

test('a change of resolv.conf is followed, to IPv6 too', async t => {
  await using net = await createNetwork({ prefix: 'dnschange' });
  const [a, b] = [await net.host('a'), await net.host('b')];
  await startResolver(b, '192.0.2.1');
  await a.setResolvers(['10.77.0.200']);
  const agent = await startAgent(a);
  await a.setResolvers([b.address6]);
  await agent.line(line => line === `ready ${b.address6}`);
  t.is(await lookUp(a, WORKLOAD, 'example.org'), '192.0.2.1');
  t.is(await lookUp(a, WORKLOAD, 'reviews.default'), '240.240.0.1');
});

test('a program that has one of the ports for questions keeps nobody from the names of the mesh', async t => {
  await using net = await createNetwork({ prefix: 'dnsport' });
  const [a, b] = [await net.host('a'), await net.host('b')];
  await startResolver(b, '192.0.2.1');
  await a.setResolvers([b.address]);
  const holder = a.spawn(['socat', '-u', 'UDP4-RECV:15054,bind=127.0.0.1', '-'], { uid: STRANGER });
  await portTaken(a, 15_054, 'udp');
  await startAgent(a);
  t.is(await lookUp(a, WORKLOAD, 'reviews.default.mesh'), '240.240.0.1');
  t.is(await lookUp(a, WORKLOAD, 'example.org'), '192.0.2.1');
  t.is(holder.child.exitCode, null);
});

/** Neither refuses: glibc waits for five seconds, asks again from the same socket, and is answered by the server itself. */
for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
  test(`with the agent gone by ${signal}, other names resolve, and with it back the mesh does`, async t => {
    await using net = await createNetwork({ prefix: signal.toLowerCase() });
    const [a, b] = [await net.host('a'), await net.host('b')];
    await startResolver(b, '192.0.2.1');
    await a.setResolvers([b.address]);
    const agent = await startAgent(a);
    t.is(await lookUp(a, WORKLOAD, 'reviews.default.mesh'), '240.240.0.1');
    agent.child.kill(signal);
    if (signal === 'SIGKILL') await agent.exited;
    const started = performance.now();
    t.is(await lookUp(a, WORKLOAD, 'example.org'), '192.0.2.1');
    const tookMs = Math.round(performance.now() - started);
    t.log(`a lookup just after ${signal} took ${tookMs} ms`);
    t.true(tookMs < 9000);
    if (signal === 'SIGSTOP') agent.child.kill('SIGCONT');
    else await startAgent(a);
    const look = (): Promise<string> => lookUp(a, WORKLOAD, 'reviews.default.mesh');
    const mesh = (address: string): boolean => address === '240.240.0.1';
    await t.notThrowsAsync(eventually('names of the mesh', look, mesh, { timeoutMs: 10_000 }));
  });
}
