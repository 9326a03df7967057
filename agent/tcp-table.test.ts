import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import test from 'ava';
import { readListeners } from './tcp-table.ts';

test('of the kernel only sockets that listen are read', async t => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: number } = server.address() as AddressInfo;
  const client = connect(number, '127.0.0.1');
  await once(client, 'connect');
  const found = readListeners();
  t.true(found.every(({ listens }) => listens));
  t.like(
    found.filter(({ port }) => port === number),
    [{ uid: process.getuid!() }],
  );
  t.false(found.some(({ port }) => port === client.localPort));
  client.destroy();
  server.close();
});
