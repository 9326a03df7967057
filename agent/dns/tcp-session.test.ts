import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import test from 'ava';
import { frame } from './framing.ts';
import { dialInTurn, serveTcp } from './tcp-session.ts';

for (const ids of [1, 0x1_00_00])
  test(`a program that asks faster than the server takes waits for it, with ${ids} ids`, async t => {
    const silent = createServer(socket => socket.pause()).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const held: Socket[] = [];
    const server = createServer(socket => {
      held.push(socket);
      serveTcp(socket, async () => undefined, dialInTurn([{ address: '127.0.0.1', port }]));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const program = connect((server.address() as AddressInfo).port, '127.0.0.1');
    await once(program, 'connect');
    t.teardown(() => {
      for (const socket of [program, ...held]) socket.destroy();
      for (const one of [server, silent]) one.close();
    });
    const query = Buffer.alloc(60_000);
    let sent = 0;
    const most = 100 * 1024 * 1024;
    const fill = (): void => {
      while (sent < most) {
        query.writeUInt16BE((sent / query.length) % ids, 0);
        sent += query.length;
        if (!program.write(frame(query))) return;
      }
    };
    program.on('drain', fill);
    fill();
    // It is held up, or all of it went through.
    while (!held[0]?.isPaused() && sent < most) await new Promise(setImmediate);
    t.true(sent < most, `${sent} bytes were taken`);
  });

for (const [whose, own] of [
  ['our', async (query: Buffer) => query],
  ["another server's", async () => undefined],
] as const)
  test(`a program that asks and says that it asks nothing more gets ${whose} answer`, async t => {
    const other = createServer({ allowHalfOpen: true }, socket => socket.pipe(socket)).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const servers = [{ address: '127.0.0.1', port: (other.address() as AddressInfo).port }];
    const server = createServer(socket => serveTcp(socket, own, dialInTurn(servers))).listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => {
      for (const one of [server, other]) one.close();
    });
    const program = connect((server.address() as AddressInfo).port, '127.0.0.1');
    program.end(Buffer.concat([frame(Buffer.alloc(20, 1)), frame(Buffer.alloc(30, 2))]));
    t.deepEqual(await buffer(program), Buffer.concat([frame(Buffer.alloc(20, 1)), frame(Buffer.alloc(30, 2))]));
  });

/** However it ends: `once` would throw where the other side resets it. @throws when it is open after 10 s. */
async function closed(socket: Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error('it stays open')), 10_000);
  socket.once('close', () => resolve());
  await promise.finally(() => clearTimeout(timer));
}

test('a connection on which nothing happens is closed', async t => {
  const own = async (): Promise<undefined> => undefined;
  const server = createServer(socket => serveTcp(socket, own, () => undefined, 20)).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const program = connect((server.address() as AddressInfo).port, '127.0.0.1');
  t.teardown(() => program.destroy());
  program.resume();
  await t.notThrowsAsync(closed(program));
});

test('a connection to another server on which nothing happens is closed, while the program goes on with names of ours', async t => {
  const other = createServer(socket => socket.on('error', () => undefined).pipe(socket)).listen(0, '127.0.0.1');
  await once(other, 'listening');
  const [ours, foreign] = [frame(Buffer.alloc(20, 1)), frame(Buffer.alloc(20, 2))];
  const own = async (query: Buffer): Promise<Buffer | undefined> => (query[0] === 1 ? query : undefined);
  const dial = dialInTurn([{ address: '127.0.0.1', port: (other.address() as AddressInfo).port }]);
  const server = createServer(socket => serveTcp(socket, own, dial, 200)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const program = connect((server.address() as AddressInfo).port, '127.0.0.1');
  program.on('error', () => undefined).resume();
  program.write(foreign);
  const [there] = (await once(other, 'connection')) as [Socket];
  const asking = setInterval(() => program.write(ours), 10);
  t.teardown(() => {
    clearInterval(asking);
    program.destroy();
    for (const one of [server, other]) one.close();
  });
  await t.notThrowsAsync(closed(there));
});
