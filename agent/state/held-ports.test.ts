import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import test from 'ava';
import { socketsIn } from '../tcp-table.ts';
import { heldIn, heldPorts } from './held-ports.ts';

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:4E21 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001        0 5 1 0 100 0 0 10 0
   1: 00000000:4E22 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1337        0 6 1 0 100 0 0 10 0
   2: 0700F0F0:4E22 0100000A:1F90 01 00000000:00000000 00:00000000 00000000  1337        0 7 1 0 20 4 30 10 -1
   3: 0100000A:4E23 0200000A:3AA0 01 00000000:00000000 02:000A7D8C 00000000  1337        0 8 1 0 20 4 30 10 -1
   4: 0100007F:4E24 0100007F:1F90 08 00000000:00000000 00:00000000 00000000  1001        0 9 1 0 20 4 30 10 -1
   5: 0100007F:4E25 0100007F:1F90 06 00000000:00000000 03:00001766 00000000     0        0 0 3 0000000000000000
   6: 0700F0F0:4E26 0100000A:1F90 05 00000000:00000000 03:00001766 00000000     0        0 0 3 0000000000000000
   7: 0700F0F0:4E27 0100000A:1F90 01 00000000:00000000 00:00000000 00000000     0        0 0 3 0000000000000000
`;

test('a port is held by each socket of a program, but for those that Envoy listens on', t => {
  t.deepEqual([...heldIn(socketsIn(TABLE), 1337)], [20_001, 20_003, 20_004]);
  t.deepEqual([...heldIn(socketsIn(TABLE), 1001)], [20_002, 20_003, 20_004]);
});

for (const address of ['127.0.0.1', '::1'])
  test(`programs that listen at ${address} and call from there hold their ports`, async t => {
    const server = createServer().listen(0, address);
    t.teardown(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = connect(port, address);
    t.teardown(() => client.destroy());
    await once(client, 'connect');
    const uid = process.getuid!();
    const held = heldPorts(uid);
    t.deepEqual([held.has(port), held.has(client.localPort!)], [false, true]);
    t.true(heldPorts(uid + 1).has(port));
  });
