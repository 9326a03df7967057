import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { makeFolder } from '../../test/folders.ts';
import { EnvoyAdmin } from './admin.ts';

/** An Envoy that says of its connections what is given, one after the other; undefined: nothing sensible. */
async function envoy(t: ExecutionContext, ...said: (number | undefined)[]) {
  const folder = makeFolder('admin');
  const socket = join(folder, 'admin.sock');
  const left = [...said];
  const server = createServer((_, response) => {
    const value = left.shift();
    if (value === undefined) response.writeHead(503).end('busy');
    else response.end(JSON.stringify({ stats: [{ name: 'listener.tunnel.downstream_cx_active', value }] }));
  });
  server.listen(socket);
  await once(server, 'listening');
  t.teardown(async () => {
    await new Promise(resolve => server.close(resolve));
    rmSync(folder, { recursive: true });
  });
  return { admin: new EnvoyAdmin({ socket }), left };
}

test('an Envoy that does not say how many connections it has is waited for as long as it lives', async t => {
  const { admin, left } = await envoy(t, 2, undefined, undefined, 1, 0, 7);
  await admin.idle(AbortSignal.timeout(10_000), async () => true);
  t.deepEqual(left, [7]);
});

test('one that is gone has none', async t => {
  const { admin, left } = await envoy(t, 2, undefined, 7);
  await admin.idle(AbortSignal.timeout(10_000), async () => false);
  t.deepEqual(left, [7]);
});

test('nobody is waited for longer than was asked', async t => {
  const { admin } = await envoy(t);
  await admin.idle(AbortSignal.timeout(150), async () => true);
  t.pass();
});
