import { once } from 'node:events';
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { makeFolder } from '../../../test/folders.ts';
import { codeOf } from './errors.ts';
import { listenPrivately } from './private-socket.ts';

function folder(t: ExecutionContext): string {
  const made = makeFolder('private-socket');
  t.teardown(() => rmSync(made, { recursive: true }));
  return made;
}

/** @throws when somebody listens there. */
async function refuseOther(path: string): Promise<void> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ECONNREFUSED') return;
    throw error;
  } finally {
    socket.destroy();
  }
  throw new Error('another listens');
}

async function close(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}

test('only its owner may open the socket, whatever lay there before; it goes with the server', async t => {
  const path = join(folder(t), 'run', 'a.sock');
  for (const before of [undefined, 'left behind']) {
    if (before !== undefined) writeFileSync(path, before);
    const server = createServer();
    await listenPrivately(server, path, refuseOther);
    t.is(statSync(path).mode & 0o777, 0o600);
    await t.throwsAsync(listenPrivately(createServer(), path, refuseOther), { message: 'another listens' });
    await close(server);
    t.false(existsSync(path));
  }
});

test('of five that begin at once where a dead socket lies, one alone listens, and keeps its socket', async t => {
  const made = folder(t);
  for (let round = 0; round < 20; round += 1) {
    const path = join(made, `${round}.sock`);
    writeFileSync(path, 'left behind');
    const servers = Array.from({ length: 5 }, () => createServer());
    const ends = await Promise.allSettled(servers.map(server => listenPrivately(server, path, refuseOther)));
    const won = servers.filter((_, index) => ends[index]?.status === 'fulfilled');
    t.is(won.length, 1);
    const came = once(won[0]!, 'connection');
    const caller = connect(path);
    await came;
    caller.destroy();
    await close(won[0]!);
  }
});

test('one that takes the place just then keeps it, also when it does not answer at once', async t => {
  const path = join(folder(t), 'a.sock');
  writeFileSync(path, 'left behind');
  const other = createServer();
  const looks: string[] = [];
  const error = await t.throwsAsync(
    listenPrivately(createServer(), path, async () => {
      looks.push(path);
      if (looks.length > 1) return;
      rmSync(path);
      other.listen(path);
      await once(other, 'listening');
    }),
  );
  t.regex(error.message, /^Cannot listen on .*: something takes its place again and again; see what with: ss -xlp$/);
  t.true(existsSync(path));
  await close(other);
});

test('where no socket can be made, it is said what to do', async t => {
  const path = join(folder(t), 'x'.repeat(200));
  await t.throwsAsync(listenPrivately(createServer(), path, refuseOther), {
    message: /^Cannot listen on .*: take a folder that this user may write to, with a path that is short$/,
  });
});
