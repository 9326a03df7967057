import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { findEnvoy } from '../../agent/envoy/binary.ts';
import { silentLogger } from '../../manager/model/util/log.ts';
import { createNetwork } from '../hosts/network.ts';
import type { NamespaceTask } from './namespace-agent.ts';

const program = (name: string): string => new URL(name, import.meta.url).pathname;

test('a workload in a namespace finds the mesh through Envoy, and keeps all other names when the agent dies', async t => {
  const cacheDir = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'isthmus');
  const find = { path: process.env['PATH'], cacheDir, log: silentLogger };
  const binary = await findEnvoy(find, AbortSignal.timeout(300_000));
  await using net = await createNetwork({ prefix: 'nsdns' });
  const [a, b, c] = [await net.host('a'), await net.host('b'), await net.host('c')];
  const place = await a.container('c1');
  for (const [host, address] of [
    [b, '192.0.2.1'],
    [c, '192.0.2.2'],
  ] as const)
    await host.spawn([process.execPath, program('resolver.ts'), address]).line(/^listening$/);
  await place.setResolvers([c.address]);
  const task: NamespaceTask = {
    binary,
    folder: a.folder,
    proxyUid: 1337,
    namespace: place.namespacePath,
    resolver: b.address,
  };
  const agent = a.spawn([process.execPath, program('namespace-agent.ts'), JSON.stringify(task)]);
  await agent.line(/^ready$/);
  const dig = async (...args: string[]): Promise<string> => {
    return (await place.exec(['dig', '+short', '+tries=1', '+time=2', ...args])).stdout.trim();
  };
  t.is(await dig('reviews.default.mesh'), '240.240.0.1');
  t.is(await dig('+tcp', 'reviews.default.mesh'), '240.240.0.1');
  t.is(await dig(`@${c.address6}`, 'reviews.default.mesh', 'AAAA'), 'fd69:7374:686d::1');
  t.is(await dig(`@${c.address6}`, '+tcp', 'reviews.default.mesh'), '240.240.0.1');
  t.is(await dig('example.org'), '192.0.2.1');
  // Longer than capture lives without an answer of the agent.
  await delay(6000);
  t.is(await dig('example.org'), '192.0.2.1');
  await agent.kill('SIGKILL');
  const started = performance.now();
  while ((await dig('example.org')) !== '192.0.2.2' && performance.now() - started < 20_000) await delay(100);
  t.log(`other names resolve again ${Math.round(performance.now() - started)} ms after the agent was killed`);
  t.true(performance.now() - started < 10_000);
});
