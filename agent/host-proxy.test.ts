import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { silentLogger } from '../manager/model/util/log.ts';
import { envoyPaths } from './envoy/paths.ts';
import { HostProxy } from './host-proxy.ts';
import type { AgentOptions } from './options.ts';

test('each call tells that Envoy cannot be started, also one that came while another was under way', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'isthmus-proxy-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const envoy = { binary: Promise.resolve(join(folder, 'none')), version: '', uid: 1, gid: 1, drainSeconds: 1 };
  const options = { envoy, host: { name: 'a' } } as unknown as AgentOptions;
  const proxy = new HostProxy(options, envoyPaths(folder, folder), silentLogger, () => undefined);
  const { signal } = new AbortController();
  const [first, second] = [proxy.ensure(false, signal), proxy.ensure(false, signal)];
  await t.throwsAsync(first, { code: 'ENOENT' });
  await t.throwsAsync(second, { code: 'ENOENT' });
  t.is(proxy.status(), undefined);
});
