import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import test from 'ava';
import { LinuxPlatform } from '../../platforms/linux/linux.ts';
import { linuxSystem } from '../../platforms/linux/system.ts';
import { createNetwork } from '../hosts/network.ts';

test('users are those of the system', async t => {
  const system = linuxSystem();
  t.is(await system.uidOf('root'), 0);
  t.is(await system.uidOf('nobody'), 65_534);
  t.is(await system.uidOf('no-such-user'), undefined);
  t.is(await system.uidOf('--help'), undefined);
  t.is(await system.userOf(65_534), 'nobody');
  t.is(await system.userOf(4_000_000_000), undefined);
});

test('a workload in a namespace has the addresses of the namespace, and goes with it', async t => {
  await using net = await createNetwork({ prefix: 'platform' });
  const host = await net.host('a');
  const place = await host.container('c1');
  const folder = `${host.configDir}/workloads.d`;
  await mkdir(folder);
  await writeFile(`${folder}/web.yaml`, `name: web\nselector: {networkNamespace: ${place.namespace}}\n`);
  const stop = new AbortController();
  const states = new LinuxPlatform(folder, 'a').watch(stop.signal);
  const { value } = await states.next();
  t.deepEqual(value.workloads[0]?.workload.addresses, [place.address, place.address6]);
  t.like(value.workloads[0]?.selector, { kind: 'namespace', path: place.namespacePath });
  await promisify(execFile)('ip', ['netns', 'del', place.namespace]);
  const { value: after } = await states.next();
  t.regex(after.problems[0]!.why, /no network namespace at .*; the workload waits for it/);
  t.deepEqual(after.workloads, []);
  stop.abort();
  await t.throwsAsync(states.next());
});
