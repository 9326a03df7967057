import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import test from 'ava';
import { messageOf } from '../model/util/errors.ts';
import { silentLogger } from '../model/util/log.ts';
import { bind } from './bind.ts';

const UNSAFE = ServerCredentials.createInsecure();

test('a port that another program has is told in one sentence, and gRPC adds none of its own', async t => {
  await using other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const said: unknown[] = [];
  const { error: write } = console;
  console.error = (...words: unknown[]) => said.push(words);
  t.teardown(() => {
    console.error = write;
  });
  const taken = await t.throwsAsync(bind(new Server(), { address: '127.0.0.1', port }, UNSAFE, silentLogger));
  t.is(
    messageOf(taken),
    `Cannot listen for agents on 127.0.0.1:${port}: another program listens there (ss -lptn 'sport = :${port}'); end it, or set agents.port in manager.yaml`,
  );
  t.deepEqual(said, []);
});

test('an address that the machine does not have is told with the setting that names it', async t => {
  const away = await t.throwsAsync(bind(new Server(), { address: '192.0.2.1', port: 15_012 }, UNSAFE, silentLogger));
  t.is(
    messageOf(away),
    'Cannot listen for agents on 192.0.2.1:15012: this machine has no such address (ip address); set agents.address in manager.yaml',
  );
});

test('a port that is free is listened on, also of IPv6', async t => {
  for (const address of ['127.0.0.1', '::']) {
    const server = new Server();
    t.true((await bind(server, { address, port: 0 }, UNSAFE, silentLogger)) > 0);
    server.forceShutdown();
  }
});
