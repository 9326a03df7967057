import { once } from 'node:events';
import { rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { writeAtomic } from '../../manager/model/util/files.ts';
import { makeFolder } from '../../test/folders.ts';
import { askStatus } from './client.ts';
import { AlreadyRunningError, serveStatus } from './server.ts';
import type { AgentStatus } from './status.ts';

const STATUS: AgentStatus = {
  host: 'a',
  pid: 1,
  version: '1',
  startedAt: 0,
  manager: { address: '10.0.0.1:15012', connected: false, reason: 'refused' },
  envoy: { connected: true, version: '1.40.0', restarts: 0 },
  workloads: [],
  services: [],
  redirect: { active: true },
  rejections: [],
  problems: [],
};

test('the status is answered on a socket that only its owner may open, also where an old socket lies', async t => {
  const folder = makeFolder('status');
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'run', 'agent.sock');
  await serveStatus(path, { status: () => STATUS }).then(first => first[Symbol.asyncDispose]());
  await writeAtomic(path, 'left behind');
  await using _server = await serveStatus(path, { status: () => STATUS });
  t.is((await stat(path)).mode & 0o777, 0o600);
  t.deepEqual(await askStatus(path, AbortSignal.timeout(5_000)), STATUS);
  await t.throwsAsync(serveStatus(path, { status: () => STATUS }), {
    instanceOf: AlreadyRunningError,
    message: /process 1;/,
  });
});

for (const count of [2, 5])
  test(`of ${count} that start at once where an old socket lies one alone runs, and it is the one that is asked`, async t => {
    const folder = makeFolder('status');
    t.teardown(() => rm(folder, { recursive: true }));
    for (let round = 0; round < 50; round += 1) {
      const path = join(folder, `${round}.sock`);
      await writeAtomic(path, 'left behind');
      const pids = Array.from({ length: count }, (_, index) => index + 1);
      const ends = await Promise.allSettled(pids.map(pid => serveStatus(path, { status: () => ({ ...STATUS, pid }) })));
      const won = ends.flatMap(({ status }, index) => (status === 'fulfilled' ? [index + 1] : []));
      t.deepEqual(won, [(await askStatus(path, AbortSignal.timeout(5_000)))?.pid]);
      for (const end of ends) {
        if (end.status === 'fulfilled') await end.value[Symbol.asyncDispose]();
        else t.true(end.reason instanceof AlreadyRunningError, String(end.reason));
      }
      await t.throwsAsync(stat(path), { code: 'ENOENT' });
    }
  });

test('nobody answers where no agent runs', async t => {
  t.is(await askStatus('/nonexistent/agent.sock', AbortSignal.timeout(5_000)), undefined);
});

test('an agent that ends while it is asked does not run', async t => {
  const folder = makeFolder('status');
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'agent.sock');
  let asked = 0;
  const ending = createServer(socket => {
    asked += 1;
    socket.destroy();
    ending.close();
  }).listen(path);
  await once(ending, 'listening');
  t.is(await askStatus(path, AbortSignal.timeout(5_000)), undefined);
  t.is(asked, 1);
});
