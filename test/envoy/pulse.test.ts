import { link, rename, writeFile } from 'node:fs/promises';
import test from 'ava';
import { bootstrap } from '../../agent/envoy/bootstrap.ts';
import { isAlive, processRef } from '../../agent/envoy/process-ref.ts';
import { eventually } from '../eventually.ts';
import { freePort } from '../ports.ts';
import { stage } from './fixture.ts';
import { call, load, origin } from './http.ts';
import { service } from './resources.ts';

/** Thirty times as quick. */
const QUICK = { askMs: 100, silentMs: 300, hungMs: 1_500 };

test.serial('one that hangs is told of, ended, and another serves', async t => {
  await using on = await stage();
  await using app = await origin('hello');
  const port = await freePort();
  const { envoy } = await on.serve(service('a', app.port, port), { envoy: { pulse: QUICK } });
  const { pid } = envoy.status();
  t.is(envoy.status().silentSince, undefined);
  const before = Date.now();
  process.kill(pid!, 'SIGSTOP');
  const { silentSince, restarts } = await eventually(
    'it is told of',
    () => envoy.status(),
    status => status.silentSince !== undefined,
  );
  t.is(restarts, 0);
  t.true(Math.abs(silentSince! - before) < 1_000, `since ${silentSince}, stopped at ${before}`);
  t.is(on.events.filter(({ message }) => message === 'Envoy does not answer').length, 1);
  await eventually(
    'another answers',
    () => call(port, 'a'),
    ({ status }) => status === 200,
  );
  t.true(Date.now() - before > QUICK.hungMs);
  t.not(envoy.status().pid, pid);
  t.regex(envoy.status().lastDeath ?? '', /^it hung: no answer since /);
  await eventually(
    'all is well',
    () => envoy.status(),
    status => status.silentSince === undefined,
  );
});

test.serial('one that serves, and whose admin interface cannot be reached, is told of and not ended', async t => {
  await using on = await stage();
  await using app = await origin('hello');
  const port = await freePort();
  const { envoy } = await on.serve(service('a', app.port, port), { envoy: { pulse: { ...QUICK, hungMs: 600 } } });
  const ref = (await processRef(envoy.status().pid!))!;
  await using calls = load(port, 'a');
  // At no moment is its socket gone: one of which it is could never be asked again, and is replaced.
  await link(on.paths.admin, `${on.paths.admin}.away`);
  await writeFile(`${on.paths.admin}.none`, '');
  await rename(`${on.paths.admin}.none`, on.paths.admin);
  await eventually(
    'it is told of',
    () => envoy.status(),
    ({ silentSince }) => silentSince !== undefined && Date.now() - silentSince > 3_000,
  );
  t.true(await isAlive(ref));
  await rename(`${on.paths.admin}.away`, on.paths.admin);
  await eventually(
    'it answers again',
    () => envoy.status(),
    ({ silentSince }) => silentSince === undefined,
  );
  t.is(on.events.filter(({ message }) => message === 'Envoy answers again').length, 1);
  await calls[Symbol.asyncDispose]();
  t.deepEqual(calls.failed, []);
  t.is(envoy.status().restarts, 0);
});

test.serial('one that goes on in time is not ended', async t => {
  await using on = await stage();
  const { envoy } = await on.serve([], { envoy: { pulse: { ...QUICK, hungMs: 60_000 } } });
  const { pid } = envoy.status();
  process.kill(pid!, 'SIGSTOP');
  for (const [what, silent] of [
    ['it is told of', true],
    ['it answers again', false],
  ] as const) {
    await eventually(
      what,
      () => envoy.status(),
      ({ silentSince }) => (silentSince !== undefined) === silent,
    );
    process.kill(pid!, 'SIGCONT');
  }
  t.is(envoy.status().pid, pid);
  t.is(envoy.status().restarts, 0);
});

test.serial('one that hangs is not taken over from; once it is ended, one with the new settings begins', async t => {
  await using on = await stage();
  await using app = await origin('hello');
  const port = await freePort();
  const life = new AbortController();
  const { envoy } = await on.serve(service('a', app.port, port), { signal: life.signal });
  life.abort();
  await envoy.released();
  process.kill(envoy.status().pid!, 'SIGSTOP');
  const next = on.envoy({ bootstrap: bootstrap({ host: 'a', paths: on.paths, maxConnections: 1_000 }), pulse: QUICK });
  t.is(await next.start(on.life.signal), 'adopted');
  t.is(next.status().outdated, 'the one before does not answer');
  await eventually(
    'another answers',
    () => call(port, 'a'),
    ({ status }) => status === 200,
  );
  t.is(next.status().outdated, undefined);
  t.is(next.status().restarts, 1);
});
