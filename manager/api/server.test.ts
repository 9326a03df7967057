import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { makeFolder } from '../../test/folders.ts';
import { connectManager } from '../cli/client.ts';
import { systemClock } from '../model/util/clock.ts';
import { silentLogger } from '../model/util/log.ts';
import { SqliteStore } from '../store/sqlite/sqlite-store.ts';
import { adminToken } from './access.ts';
import { inspectOf, startApi, tokensInMemory } from './fixture.ts';
import { createRoutes } from './routes.ts';
import { startApiServer } from './server.ts';

function folder(t: ExecutionContext): string {
  const directory = makeFolder('server');
  t.teardown(() => rmSync(directory, { recursive: true }));
  return directory;
}

test('the socket is for its owner alone from its first moment on, whatever the mask', async t => {
  const socketPath = join(folder(t), 'manager.sock');
  // The mode as it is when the socket begins to listen, before anything else is done to it.
  const program = `
    import { statSync } from 'node:fs';
    import { Server } from 'node:net';
    const { listen } = Server.prototype;
    Server.prototype.listen = function (...args) {
      const made = listen.apply(this, args);
      console.log((statSync('${socketPath}').mode & 0o777).toString(8));
      return made;
    };
    process.umask(0);
    const { startApiServer } = await import('${new URL('server.ts', import.meta.url).href}');
    const server = await startApiServer({ routes: async () => {}, log: {}, socketPath: '${socketPath}' });
    await server.close();`;
  const told = execFileSync(process.execPath, ['--input-type=module', '-e', program], { timeout: 20_000 });
  t.is(told.toString(), '600\n');
});

test('the socket is for its owner alone, a dead one is replaced, a living one is respected', async t => {
  const api = await startApi(t);
  t.is(statSync(api.socketPath).mode & 0o777, 0o600);
  const directory = folder(t);
  const store = new SqliteStore(join(directory, 'store.db'));
  t.teardown(() => store.close());
  const routes = createRoutes({
    store,
    inspect: inspectOf(),
    tokens: tokensInMemory(),
    removal: { remove: async () => undefined },
    clock: systemClock,
    maximumWatches: 1,
  });
  await t.throwsAsync(startApiServer({ routes, log: silentLogger, socketPath: api.socketPath }), {
    message: /another Manager does/,
  });

  const socketPath = join(directory, 'run', 'manager.sock');
  const killed = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  rmSync(join(directory, 'run'), { recursive: true, force: true });
  const first = await startApiServer({ routes, log: silentLogger, socketPath });
  await first.close();
  t.false(existsSync(socketPath));
  t.throws(() => execFileSync(process.execPath, ['-e', killed, socketPath]));
  t.true(existsSync(socketPath));
  const second = await startApiServer({ routes, log: silentLogger, socketPath });
  const answer = await connectManager({ runDir: join(directory, 'run') }).request(
    { path: '/livez' },
    AbortSignal.timeout(5_000),
  );
  t.is(answer.status, 200);
  await second.close();
});

test('of three that start at once where a dead socket lies, one alone serves', async t => {
  const directory = folder(t);
  const socketPath = join(directory, 'manager.sock');
  writeFileSync(socketPath, 'left behind');
  const start = () =>
    startApiServer({ routes: async (_, response) => void response.end('{}'), log: silentLogger, socketPath });
  const ends = await Promise.allSettled([start(), start(), start()]);
  for (const end of ends)
    if (end.status === 'rejected') t.regex(String(end.reason), /another Manager does; stop it first/);
  const won = ends.flatMap(end => (end.status === 'fulfilled' ? [end.value] : []));
  t.is(won.length, 1);
  const client = connectManager({ runDir: directory });
  t.is((await client.request({ path: '/livez' }, AbortSignal.timeout(5_000))).status, 200);
  await Promise.all(won.map(server => server.close()));
});

test('over TLS the admin token is asked for', async t => {
  const directory = folder(t);
  const [keyFile, caFile, tokenFile, wrongFile] = ['key.pem', 'cert.pem', 'token', 'wrong'].map(name =>
    join(directory, name),
  ) as [string, string, string, string];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      keyFile,
      '-out',
      caFile,
      '-days',
      '1',
      '-subj',
      '/CN=127.0.0.1',
      '-addext',
      'subjectAltName=IP:127.0.0.1',
    ],
    { stdio: 'ignore' },
  );
  const token = adminToken(tokenFile);
  writeFileSync(wrongFile, 'x'.repeat(43));
  const certificate = { cert: readFileSync(caFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  const { url } = await startApi(t, { https: { host: '127.0.0.1', port: 0, certificate, token } });
  const status = async (file: string): Promise<number> =>
    (
      await connectManager({ url: url!, tokenFile: file, caFile }).request(
        { path: '/isthmus/v1/status' },
        AbortSignal.timeout(5_000),
      )
    ).status;
  t.is(await status(tokenFile), 200);
  t.is(await status(wrongFile), 401);
  await t.throwsAsync(
    connectManager({ url: url!, tokenFile }).request({ path: '/livez' }, AbortSignal.timeout(5_000)),
    { message: /self-signed/ },
  );
});

test('the admin token is made once, for its owner alone', t => {
  const file = join(folder(t), 'state', 'admin-token');
  const token = adminToken(file);
  t.true(token.length >= 43);
  t.is(statSync(file).mode & 0o777, 0o600);
  t.is(adminToken(file), token);
  writeFileSync(file, 'short');
  t.throws(() => adminToken(file), { message: /has 5 characters; remove the file/ });
});

const raw: readonly [string, string, RegExp][] = [
  [
    'a header that is too large',
    `GET /livez HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`,
    /^HTTP\/1\.1 431 /,
  ],
  ['no HTTP', 'hello\r\n\r\n', /^HTTP\/1\.1 400 /],
  [
    'a body that says it is too large is not waited for',
    `POST /isthmus/v1/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n{`,
    /^HTTP\/1\.1 413 [\s\S]*connection: close/i,
  ],
];

for (const [what, bytes, expected] of raw)
  test(`refused: ${what}`, async t => {
    const { socketPath } = await startApi(t);
    const socket = connect(socketPath);
    socket.on('error', error => t.log(error.message));
    socket.write(bytes);
    t.regex(await text(socket), expected);
  });
