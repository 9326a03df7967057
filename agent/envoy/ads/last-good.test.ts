import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type LogFields, type Logger, silentLogger } from '../../../manager/model/util/log.ts';
import { makeFolder } from '../../../test/folders.ts';
import { type Resource, resource, TYPE, type TypeUrl } from '../../compile/resource.ts';
import { FakeEnvoy, type Received } from './fake-envoy.ts';
import { LastGood } from './last-good.ts';
import { loadSchema } from './schema.ts';
import { AdsServer, type AdsServerOptions } from './server.ts';

const cluster = (name: string, timeout: string): Resource =>
  resource(TYPE.cluster, name, { name, type: 'STATIC', connect_timeout: timeout }, [`service ${name}`]);
const [v1, v2, v3] = [cluster('a', '1s'), cluster('a', '2s'), cluster('a', '3s')];
const schema = loadSchema();
const soon = (): AbortSignal => AbortSignal.timeout(20_000);

/** A folder in which servers live one after another. */
interface Place extends AsyncDisposable {
  readonly file: string;
  readonly warnings: readonly LogFields[];
  serve(options?: Partial<AdsServerOptions>): Promise<AdsServer>;
  /** An Envoy that holds nothing unless told otherwise. */
  envoy(holding?: Readonly<Record<string, string>>): FakeEnvoy;
}

function place(): Place {
  const folder = makeFolder('last-good');
  const [socket, file] = [join(folder, 'xds.sock'), join(folder, 'last-good.json')];
  const warnings: LogFields[] = [];
  const log: Logger = { ...silentLogger, warn: (_message, fields = {}) => void warnings.push(fields) };
  const open: { close(): unknown }[] = [];
  return {
    file,
    warnings,
    async serve(options = {}) {
      const uid = process.getuid?.() ?? 0;
      const server = new AdsServer({ socket, uid, log, schema, removalMs: 0, lastGood: file, ...options });
      await server.start();
      server.setSecrets([], 'root');
      open.push(server);
      return server;
    },
    envoy(holding = {}) {
      const envoy = new FakeEnvoy(socket, schema);
      envoy.subscribe(TYPE.cluster, { names: ['*'], holding });
      envoy.subscribe(TYPE.listener);
      open.push(envoy);
      return envoy;
    },
    async [Symbol.asyncDispose]() {
      for (const each of open.reverse()) await each.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** The next response of a type, clusters unless told otherwise, whatever else comes before it. */
async function next(envoy: FakeEnvoy, typeUrl: TypeUrl = TYPE.cluster): Promise<Received> {
  for (;;) {
    const received = await envoy.next();
    if (received.typeUrl === typeUrl) return received;
    envoy.accept(received);
  }
}

/** Has an Envoy refuse and accept versions of `a`, in the order in which they are to come. */
async function answers(t: ExecutionContext, envoy: FakeEnvoy, ...wanted: readonly (readonly [Resource, boolean])[]) {
  for (const [{ version }, good] of wanted) {
    const received = await next(envoy);
    t.deepEqual(received.versions, { a: version });
    if (good) envoy.accept(received);
    else envoy.refuse(received, 'bad');
  }
}

/** A server whose Envoy accepted v1, refused v2, which is wanted, and is gone. */
async function refused(t: ExecutionContext, at: Place): Promise<AdsServer> {
  const server = await at.serve();
  server.update([v1]);
  const first = at.envoy();
  await answers(t, first, [v1, true]);
  await server.applied(soon());
  server.update([v2]);
  await answers(t, first, [v2, false]);
  await server.applied(soon());
  await first.quiet();
  first.close();
  return server;
}

test('an Envoy that begins with nothing and refuses what is wanted gets what was good before', async t => {
  await using at = place();
  const server = await refused(t, at);

  const second = at.envoy();
  await answers(t, second, [v2, false], [v1, true]);
  t.like(await server.applied(soon()), [{ name: 'a', version: v2.version, reason: 'bad' }]);
  const status = server.status().resources.find(({ name }) => name === 'a');
  t.like(status, { state: 'rejected', version: v2.version, accepted: v1.version, reason: 'bad' });
  await second.take(TYPE.listener);
  await second.quiet();

  server.update([v3]);
  await answers(t, second, [v3, true]);
  t.deepEqual(await server.applied(soon()), []);
  await server.close();
  await t.throwsAsync(stat(at.file), { code: 'ENOENT' }, 'nothing is refused: nothing lies on disk');
});

test('who waits until all is applied waits for what stands in', async t => {
  await using at = place();
  const server = await refused(t, at);
  const second = at.envoy();
  await answers(t, second, [v2, false]);
  const standIn = await next(second);
  const done = server.applied(soon());
  t.is(await Promise.race([done, second.quiet().then(() => 'waiting')]), 'waiting');
  second.accept(standIn);
  t.is((await done).length, 1);
});

test('it outlives the agent, also when Envoy was there before the agent; the refused version is tried again', async t => {
  await using at = place();
  const server = await at.serve();
  const running = at.envoy({ a: v1.version });
  server.update([v1]);
  running.accept(await next(running, TYPE.listener));
  server.update([v2]);
  await answers(t, running, [v2, false]);
  await server.applied(soon());
  running.close();
  await server.close();
  t.is((await stat(at.file)).mode & 0o777, 0o600);

  const after = await at.serve({ retryMs: 50 });
  after.update([v2]);
  const fresh = at.envoy();
  await answers(t, fresh, [v2, false], [v1, true], [v2, false], [v2, true]);
  t.deepEqual(await after.applied(soon()), []);
});

test('what is refused too, though it was good before, is forgotten; it is not offered in a loop', async t => {
  await using at = place();
  const server = await refused(t, at);
  for (const versions of [[v2, v1], [v2]]) {
    const envoy = at.envoy();
    await answers(t, envoy, ...versions.map(version => [version, false] as const));
    t.like(await server.applied(soon()), [{ name: 'a', version: v2.version }]);
    await envoy.take(TYPE.listener);
    await envoy.quiet();
    envoy.close();
  }
  await server.close();
  await t.throwsAsync(stat(at.file), { code: 'ENOENT' });
});

test('it stands in also where the wanted version does not fit its type, and for several at once', async t => {
  await using at = place();
  const server = await at.serve();
  const b1 = cluster('b', '1s');
  server.update([v1, b1]);
  const first = at.envoy();
  first.accept(await next(first));
  await server.applied(soon());
  first.close();
  const unfit = ['a', 'b'].map(name => resource(TYPE.cluster, name, { name, tipe: 'STATIC' }, []));
  server.update(unfit);
  const second = at.envoy();
  const both = await next(second);
  t.deepEqual(both.versions, { a: v1.version, b: b1.version });
  second.refuse(both, 'something is wrong');
  await answers(t, second, [v1, true]);
  const other = await next(second);
  t.deepEqual(other.versions, { b: b1.version });
  second.refuse(other, 'bad');
  t.is((await server.applied(soon())).length, 2);
  await second.take(TYPE.listener);
  await second.quiet();
});

test('what is refused is put down to what changed since, also after a restart', async t => {
  await using at = place();
  const made = (timeout: string, ...contents: readonly string[]): Resource => ({
    ...cluster('a', timeout),
    parts: contents.map(content => ({ content, origins: [`service ${content.split(' ')[0]}`] })),
  });
  const server = await at.serve();
  server.update([made('1s', 'x', 'y')]);
  const first = at.envoy();
  await answers(t, first, [v1, true]);
  server.update([made('2s', 'x', 'y changed')]);
  await answers(t, first, [v2, false]);
  t.like(await server.applied(soon()), [{ name: 'a', origins: ['service y'] }]);
  t.like(at.warnings, [{ name: 'a', origins: ['service y'] }]);
  first.close();
  await server.close();
  const after = await at.serve();
  after.update([made('2s', 'x', 'y changed')]);
  await answers(t, at.envoy(), [v2, false], [v1, true]);
  t.like(await after.applied(soon()), [{ name: 'a', origins: ['service y'] }]);
});

test('a damaged file is left out and said', async t => {
  await using at = place();
  await writeFile(at.file, '[{"typeUrl":"x"}]');
  const server = await at.serve();
  server.update([v2]);
  const envoy = at.envoy();
  await answers(t, envoy, [v2, false]);
  t.is((await server.applied(soon())).length, 1);
  t.like(at.warnings, [{ file: at.file, reason: 'an entry is not a resource' }, { name: 'a' }]);
});

test('what is wanted no more is forgotten, and keys are not kept', async t => {
  await using at = place();
  await at.serve();
  const lastGood = new LastGood(at.file, silentLogger);
  const nothing = { [TYPE.listener]: undefined, [TYPE.routes]: undefined, [TYPE.endpoints]: undefined };
  const secret = resource(TYPE.secret, 's', { name: 's' }, []);
  for (const each of [v1, secret]) lastGood.accepted(each);
  lastGood.refused(TYPE.cluster, 'a', v2.version);
  lastGood.refused(TYPE.secret, 's', 'other');
  await lastGood.flush();
  const { typeUrl, name } = v1;
  t.like(JSON.parse(await readFile(at.file, 'utf8')), [{ typeUrl, name }]);
  t.is(lastGood.good(TYPE.secret, 's'), undefined);
  lastGood.keep({ ...nothing, [TYPE.secret]: undefined, [TYPE.cluster]: undefined });
  t.is(lastGood.good(TYPE.cluster, 'a'), v1);
  lastGood.keep({ ...nothing, [TYPE.secret]: undefined, [TYPE.cluster]: new Map() });
  t.is(lastGood.good(TYPE.cluster, 'a'), undefined);
  await lastGood.flush();
  await t.throwsAsync(stat(at.file), { code: 'ENOENT' });
});
