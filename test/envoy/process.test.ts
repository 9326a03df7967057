import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import test from 'ava';
import { bootstrap } from '../../agent/envoy/bootstrap.ts';
import { isAlive, processRef } from '../../agent/envoy/process-ref.ts';
import { writeState } from '../../agent/envoy/process-state.ts';
import { eventually } from '../eventually.ts';
import { freePort } from '../ports.ts';
import type { AgentTask } from './agent-program.ts';
import { soon, stage } from './fixture.ts';
import { call, load, origin } from './http.ts';
import { cluster, endpoints, service } from './resources.ts';

const execute = promisify(execFile);

/** Starts an agent in a process of its own. */
async function startAgent(task: AgentTask): Promise<{ readonly envoyPid: number; kill(): Promise<void> }> {
  const program = join(import.meta.dirname, 'agent-program.ts');
  const child = spawn(process.execPath, [program, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, 'line', { signal: AbortSignal.timeout(20_000) })) as [string];
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  return { envoyPid: Number(line.split(' ')[1]), kill };
}

/** Waits for an answer through an Envoy that was killed. */
async function answers(port: number, host: string): Promise<void> {
  const ok = ({ status }: { readonly status: number }): boolean => status === 200;
  await eventually('an answer', () => call(port, host), ok, { timeoutMs: 5_000, pauseMs: 1 });
}

test.serial('serves a request over config that came by xDS, as its own user, within 2 s of its start', async t => {
  await using on = await stage();
  await using app = await origin('hello');
  const port = await freePort();
  const begun = performance.now();
  const { ads, envoy, how } = await on.serve(service('reviews', app.port, port));
  t.is(how, 'started');
  t.deepEqual(await ads.applied(soon()), []);
  t.deepEqual(await call(port, 'reviews'), { status: 200, body: 'hello' });
  const took = performance.now() - begun;
  t.true(took < 2_000, `took ${took} ms`);
  t.regex(await readFile(`/proc/${envoy.status().pid}/status`, 'utf8'), /^Uid:\t1337\t1337\t1337\t1337$/m);
  t.regex(await readFile(`/proc/${envoy.status().pid}/comm`, 'utf8'), /^envoy$/m);
});

test.serial('dies and is back within a second, from what the agent has', async t => {
  await using on = await stage();
  await using app = await origin('hello');
  const port = await freePort();
  const { envoy } = await on.serve(service('reviews', app.port, port));
  const { pid } = envoy.status();
  process.kill(pid!, 'SIGKILL');
  const killed = performance.now();
  await answers(port, 'reviews');
  const took = performance.now() - killed;
  t.true(took < 1_000, `took ${took} ms`);
  t.not(envoy.status().pid, pid);
  t.is(envoy.status().restarts, 1);
});

test.serial('that dies again and again is told of also while one runs, with why', async t => {
  await using on = await stage();
  const { envoy } = await on.serve([]);
  for (let death = 1; death <= 3; death += 1) {
    t.is(envoy.status().dying, undefined);
    process.kill(envoy.status().pid!, 'SIGKILL');
    await eventually(
      'another Envoy',
      () => envoy.status(),
      ({ restarts }) => restarts === death,
    );
  }
  await envoy.ready(soon());
  t.regex(envoy.status().dying ?? '', /^died 3 times within 5 minutes, and is started again each time: /);
});

for (const [what, spoil] of [
  ['folder is gone', async () => undefined],
  ['disk takes no writes', (folder: string) => writeFile(folder, '')],
  ['place is a folder', (folder: string) => mkdir(join(folder, 'envoy.log'), { recursive: true })],
] as const)
  test.serial(`dies and is back although its log's ${what}`, async t => {
    await using on = await stage();
    await using app = await origin('hello');
    const port = await freePort();
    const folder = join(dirname(on.paths.log), 'log');
    const paths = { ...on.paths, log: join(folder, 'envoy.log') };
    const { envoy } = await on.serve(service('reviews', app.port, port), { envoy: { paths } });
    await rm(folder, { recursive: true });
    await spoil(folder);
    const { pid } = envoy.status();
    process.kill(pid!, 'SIGKILL');
    await answers(port, 'reviews');
    t.not(envoy.status().pid, pid);
    t.is(envoy.status().restarts, 1);
  });

test.serial('dies and is back although all folders of its own are gone', async t => {
  await using on = await stage();
  await using app = await origin('hello');
  const port = await freePort();
  const { envoy } = await on.serve(service('reviews', app.port, port));
  const { own, bootstrap: first, program } = on.paths;
  for (const path of [own, first, dirname(program)]) await rm(path, { recursive: true });
  process.kill(envoy.status().pid!, 'SIGKILL');
  await answers(port, 'reviews');
  t.is(envoy.status().restarts, 1);
});

test.serial('that died and cannot be started again is told of once, with the reason, until it can', async t => {
  await using on = await stage();
  await using app = await origin('hello');
  const port = await freePort();
  const { envoy } = await on.serve(service('reviews', app.port, port));
  await rm(on.paths.bootstrap);
  await mkdir(on.paths.bootstrap);
  process.kill(envoy.status().pid!, 'SIGKILL');
  const status = await eventually(
    'it is said why none runs',
    async () => envoy.status(),
    ({ unable }) => unable !== undefined,
  );
  t.like(status, { pid: undefined, restarts: 0 });
  t.true(status.unable!.startsWith(`cannot write ${on.paths.bootstrap}: EISDIR`), status.unable);
  await rm(on.paths.bootstrap, { recursive: true });
  await answers(port, 'reviews');
  t.like(envoy.status(), { unable: undefined, restarts: 1 });
});

test.serial('goes on, and is watched over, when what its successor needs cannot be written', async t => {
  await using on = await stage();
  await using app = await origin('hello');
  const port = await freePort();
  const life = new AbortController();
  const { envoy } = await on.serve(service('a', app.port, port), { signal: life.signal });
  life.abort();
  await rm(on.paths.bootstrap);
  await mkdir(on.paths.bootstrap);
  const next = on.envoy({ bootstrap: bootstrap({ host: 'a', paths: on.paths, maxConnections: 1_000 }) });
  t.is(await next.start(on.life.signal), 'adopted');
  t.is(next.status().pid, envoy.status().pid);
  t.regex(next.status().lastDeath ?? '', /EISDIR/);
  await rm(on.paths.bootstrap, { recursive: true });
  process.kill(next.status().pid!, 'SIGKILL');
  await answers(port, 'a');
});

test.serial('does not run when it cannot be noted which process it is: nobody would ever end it', async t => {
  await using on = await stage();
  // Nobody can write there.
  const envoy = on.envoy({ paths: { ...on.paths, state: '/proc/envoy-process.json' } });
  await t.throwsAsync(envoy.start(on.life.signal), { code: 'ENOENT' });
  const running = (): Promise<string> =>
    execute('pgrep', ['-f', on.paths.program]).then(
      ({ stdout }) => stdout,
      () => '',
    );
  t.is(await eventually('its end', running, pids => pids === ''), '');
});

test.serial('is ended when its successor died while no agent ran', async t => {
  await using on = await stage();
  const life = new AbortController();
  const { envoy } = await on.serve([], { signal: life.signal });
  const old = (await processRef(envoy.status().pid!))!;
  life.abort();
  const successor = { pid: 2 ** 22 + 1, start: 1, epoch: 1, key: 'none', before: old };
  await writeState(on.paths.state, successor);
  const next = on.envoy();
  t.is(await next.start(on.life.signal), 'started');
  t.false(await isAlive(old));
  await next.ready(soon());
});

test.serial('that stood for long dies and is back within a second too, as the end of its stream tells', async t => {
  await using on = await stage();
  await using app = await origin('hello');
  const port = await freePort();
  let ended = (): void => undefined;
  const { envoy } = await on.serve(service('reviews', app.port, port), {
    ads: { onStreamEnd: () => ended() },
    envoy: { stableMs: 0 },
  });
  ended = () => envoy.suspect();
  const { pid } = envoy.status();
  process.kill(pid!, 'SIGKILL');
  const killed = performance.now();
  await answers(port, 'reviews');
  t.true(performance.now() - killed < 1_000, `took ${performance.now() - killed} ms`);
  t.not(envoy.status().pid, pid);
});

test.serial(
  'goes on when its agent is killed, and the next agent adopts it without sending anything again',
  async t => {
    await using on = await stage();
    await using app = await origin('hello');
    const port = await freePort();
    const resources = service('a', app.port, port);
    const agent = await startAgent({ envoy: on.program, resources });
    const before = await on.admin.stats('(update_success|version_text)$');
    t.true(before.length > 0);
    await using calls = load(port, 'a');
    await agent.kill();

    const second = on.ads();
    await second.start();
    const next = on.envoy();
    const nextLife = new AbortController();
    t.is(await next.start(nextLife.signal), 'adopted');
    t.is(next.status().pid, agent.envoyPid);
    second.setSecrets([], 'none');
    second.update(resources);
    t.deepEqual(await second.applied(soon()), []);
    t.deepEqual(await on.admin.stats('(update_success|version_text)$'), before);

    second.update([...resources, cluster('b'), endpoints('b', app.port)]);
    t.deepEqual(await second.applied(soon()), []);
    await calls[Symbol.asyncDispose]();
    t.deepEqual(calls.failed, []);
    t.true(calls.calls > 10);

    process.kill(next.status().pid!, 'SIGKILL');
    const killed = performance.now();
    await answers(port, 'a');
    t.true(performance.now() - killed < 1_000, `an adopted Envoy took ${performance.now() - killed} ms`);
    nextLife.abort();
  },
);

test.serial('takes over from an Envoy with another bootstrap without a failed request', async t => {
  await using on = await stage();
  await using app = await origin('hello');
  const port = await freePort();
  const [life, nextLife] = [new AbortController(), new AbortController()];
  const { envoy } = await on.serve(service('a', app.port, port), { signal: life.signal });
  life.abort();
  await using calls = load(port, 'a');
  const next = on.envoy({ bootstrap: bootstrap({ host: 'a', paths: on.paths, maxConnections: 1_000 }) });
  t.is(await next.start(nextLife.signal), 'replaced');
  t.is(next.status().epoch, 1);
  t.not(next.status().pid, envoy.status().pid);
  await calls[Symbol.asyncDispose]();
  t.deepEqual(calls.failed, []);
  t.true(calls.calls > 10);

  const before = await processRef(envoy.status().pid!);
  t.truthy(before, 'the one before is still finishing');
  process.kill(next.status().pid!, 'SIGKILL');
  await eventually(
    'the one after it',
    () => next.status(),
    ({ epoch }) => epoch === 0,
    { timeoutMs: 5_000, pauseMs: 1 },
  );
  await answers(port, 'a');
  t.false(await isAlive(before!), 'and does not outlive its successor');
  nextLife.abort();
});

test.serial('tells in its own words why Envoy does not start', async t => {
  await using on = await stage();
  const envoy = on.envoy({ bootstrap: { admin: { nonsense: 1 } } });
  await envoy.start(on.life.signal);
  const error = await t.throwsAsync(envoy.ready(AbortSignal.timeout(3_000)));
  t.regex(error?.message ?? '', /it died: .*nonsense/);
  t.true(envoy.status().restarts < 8, 'it waits longer and longer between tries');
});
