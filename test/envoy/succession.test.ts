import { mkdir, rm } from 'node:fs/promises';
import test from 'ava';
import { EnvoyAdmin } from '../../agent/envoy/admin.ts';
import { bootstrap } from '../../agent/envoy/bootstrap.ts';
import type { EnvoyProcess } from '../../agent/envoy/process.ts';
import type { EnvoyProcessOptions } from '../../agent/envoy/process-options.ts';
import { isAlive, type ProcessRef, processRef } from '../../agent/envoy/process-ref.ts';
import { type ProcessState, readState } from '../../agent/envoy/process-state.ts';
import { eventually } from '../eventually.ts';
import { freePort } from '../ports.ts';
import { type Serving, type Stage, stage } from './fixture.ts';
import { call, load, origin } from './http.ts';
import { service } from './resources.ts';

/** An Envoy that serves `a` and that no agent watches over any more. */
interface Running extends AsyncDisposable {
  readonly on: Stage;
  readonly ads: Serving['ads'];
  readonly port: number;
  readonly before: ProcessRef;
  /** Serves the same config again, after `ads` was closed: without any, a successor goes on beginning. */
  serveAgain(): Promise<void>;
  /** One with other settings, to take over from it. */
  next(connections?: number, options?: Partial<EnvoyProcessOptions>): EnvoyProcess;
}

async function running(): Promise<Running> {
  await using stack = new AsyncDisposableStack();
  const on = stack.use(await stage());
  const app = stack.use(await origin('hello'));
  const port = await freePort();
  const life = new AbortController();
  const resources = service('a', app.port, port);
  const { envoy, ads } = await on.serve(resources, { signal: life.signal });
  life.abort();
  await envoy.released();
  const owned = stack.move();
  return {
    on,
    ads,
    port,
    before: (await processRef(envoy.status().pid!))!,
    async serveAgain() {
      const again = on.ads();
      await again.start();
      again.setSecrets([], 'none');
      again.update(resources);
    },
    next: (maxConnections = 1_000, options = {}) =>
      on.envoy({ bootstrap: bootstrap({ host: 'a', paths: on.paths, maxConnections }), ...options }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function answers({ port }: Running): Promise<void> {
  const ok = ({ status }: { readonly status: number }): boolean => status === 200;
  await eventually('an answer', () => call(port, 'a'), ok, { timeoutMs: 10_000, pauseMs: 1 });
}

/** Sends a signal to whatever takes over from the one before as soon as it is in that state. */
async function strike({ on, before }: Running, signal: NodeJS.Signals, state: RegExp): Promise<ProcessState> {
  const admin = new EnvoyAdmin({ socket: on.paths.admin, timeoutMs: 300 });
  const look = async (): Promise<ProcessState | undefined> => {
    const fresh = await readState(on.paths.state);
    if (fresh === undefined || fresh.pid === before.pid) return undefined;
    const info = await admin.serverInfo().catch(() => undefined);
    return info?.epoch === fresh.epoch && state.test(info.state) ? fresh : undefined;
  };
  const fresh = await eventually('a successor', look, found => found !== undefined, { pauseMs: 1 });
  process.kill(fresh!.pid, signal);
  return fresh!;
}

test.serial('a successor that dies as soon as it is live leaves a host that is served', async t => {
  await using at = await running();
  const next = at.next();
  await Promise.all([next.start(at.on.life.signal), strike(at, 'SIGKILL', /^LIVE$/)]);
  await answers(at);
  await eventually(
    'the one before is gone',
    () => isAlive(at.before),
    alive => !alive,
  );
  t.is(next.status().epoch, 0);
  t.is(next.status().outdated, undefined);
});

test.serial('a successor that dies before it is live leaves one that serves on, and another follows it', async t => {
  await using at = await running();
  await using calls = load(at.port, 'a');
  await at.ads.close();
  const next = at.next();
  const [how] = await Promise.all([next.start(at.on.life.signal), strike(at, 'SIGKILL', /INITIALIZING$/)]);
  t.is(how, 'adopted');
  await at.serveAgain();
  t.is(next.status().pid, at.before.pid);
  const { epoch } = await eventually(
    'another',
    () => next.status(),
    ({ outdated }) => outdated === undefined,
  );
  t.is(epoch, 1);
  await calls[Symbol.asyncDispose]();
  t.deepEqual(calls.failed, []);
});

test.serial('a take-over that failed keeps no later one from it', async t => {
  await using at = await running();
  const life = new AbortController();
  const bad = at.on.envoy({ bootstrap: { nonsense: 1 } });
  t.is(await bad.start(AbortSignal.any([life.signal, at.on.life.signal])), 'adopted');
  t.regex(bad.status().outdated ?? '', /nonsense/);
  life.abort();
  await bad.released();
  const next = at.next();
  t.is(await next.start(at.on.life.signal), 'replaced', next.status().lastDeath);
  t.is(next.status().outdated, undefined);
  await answers(at);
});

test.serial('a take-over that failed is tried again by itself, without a failed request', async t => {
  await using at = await running();
  await using calls = load(at.port, 'a');
  await rm(at.on.paths.bootstrap);
  await mkdir(at.on.paths.bootstrap);
  const next = at.next(1_000, { againMs: 100 });
  t.is(await next.start(at.on.life.signal), 'adopted');
  t.regex(next.status().outdated ?? '', /EISDIR/);
  await rm(at.on.paths.bootstrap, { recursive: true });
  const after = await eventually(
    'it took over',
    () => next.status(),
    ({ outdated }) => outdated === undefined,
  );
  t.is(after.epoch, 1);
  t.is(after.restarts, 0);
  await calls[Symbol.asyncDispose]();
  t.deepEqual(calls.failed, []);
});

test.serial('a successor that does not get ready is ended, and the one before goes on', async t => {
  await using at = await running();
  await at.ads.close();
  const next = at.next(1_000, { takeOverMs: 3_000 });
  const [how, fresh] = await Promise.all([next.start(at.on.life.signal), strike(at, 'SIGCONT', /INITIALIZING$/)]);
  t.is(how, 'adopted');
  t.is(next.status().outdated, 'it was not ready within 3 s');
  t.false(await isAlive(fresh));
  await answers(at);
  t.is((await readState(at.on.paths.state))?.pid, at.before.pid, 'as the next agent finds it');
});

test.serial(
  'a successor that got stuck when its agent ended is ended by the next agent, and another takes over',
  async t => {
    await using at = await running();
    await at.ads.close();
    const life = new AbortController();
    const next = at.next();
    const started = next.start(AbortSignal.any([life.signal, at.on.life.signal]));
    const fresh = await strike(at, 'SIGSTOP', /INITIALIZING$/);
    life.abort();
    await t.throwsAsync(started);
    await at.serveAgain();
    await using calls = load(at.port, 'a');
    const later = at.next(1_000, { takeOverMs: 5_000 });
    t.is(await later.start(at.on.life.signal), 'replaced');
    t.false(await isAlive(fresh));
    t.is(later.status().epoch, 1);
    await calls[Symbol.asyncDispose]();
    t.deepEqual(calls.failed, []);
  },
);
