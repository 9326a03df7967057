import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import test from 'ava';
import { heldIn, portsHeldByOthers } from './held-ports.ts';

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:5190 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001        0 5 1 0 100 0 0 10 0
   1: 00000000:4E21 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1337        0 6 1 0 100 0 0 10 0
   2: 0100007F:5EA0 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 7 1 0 20 4 30 10 -1
`;

test('ports that others listen on are held; those of the user, and of connections, are not', t => {
  t.deepEqual(heldIn(TABLE, 1337), [20_880]);
  t.deepEqual(heldIn(TABLE, 1001), [20_001]);
});

for (const address of ['127.0.0.1', '::1'])
  test(`a program that listens at ${address} holds its port`, async t => {
    const server = createServer().listen(0, address);
    t.teardown(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const uid = process.getuid!();
    t.true(portsHeldByOthers(uid + 1).has(port));
    t.false(portsHeldByOthers(uid).has(port));
  });
