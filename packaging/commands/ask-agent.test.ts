import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { envoyPaths } from '../../agent/envoy/paths.ts';
import { processRef } from '../../agent/envoy/process-ref.ts';
import { writeState } from '../../agent/envoy/process-state.ts';
import { notAllowed } from '../../manager/cli/client-errors.ts';
import { makeFolder } from '../../test/folders.ts';
import { askAgent, noAgent } from './ask-agent.ts';

function place(t: ExecutionContext): string {
  const folder = makeFolder('ask-agent');
  t.teardown(() => rm(folder, { recursive: true }));
  return folder;
}

test('an agent that hangs is said not to answer', async t => {
  const folder = place(t);
  await using silent = createServer(socket => socket.resume()).listen(join(folder, 'agent.sock'));
  await once(silent, 'listening');
  await t.throwsAsync(askAgent(folder, AbortSignal.timeout(20_000), 50), {
    name: 'CommandError',
    message: `The agent of this host did not answer at ${folder}/agent.sock within 0.05 s`,
  });
  await t.throwsAsync(askAgent(folder, AbortSignal.abort()), { name: 'CommandError', message: 'Stopped' });
});

test('a socket that is for root is said to be so', t => {
  const error = notAllowed('/run/a.sock', Object.assign(new Error('connect EACCES'), { code: 'EACCES' }));
  t.like(error, { message: 'You may not open /run/a.sock: it is for root', next: 'the same as root' });
  t.is(notAllowed('/run/a.sock', new Error('other')), undefined);
});

test('where no agent runs, an Envoy that it left is told of', async t => {
  const folder = place(t);
  t.is((await noAgent(folder)).message, 'No agent runs on this host');
  const self = (await processRef(process.pid))!;
  const { state } = envoyPaths(folder, '');
  await writeState(state, { ...self, epoch: 0, key: '' });
  const error = await noAgent(folder);
  t.true(error.message.includes(`Its Envoy, process ${process.pid}, and its rules still do: traffic goes on`));
  t.is(error.next, 'isthmus agent');
  await writeState(state, { ...self, start: self.start + 1, epoch: 0, key: '' });
  t.is((await noAgent(folder)).message, 'No agent runs on this host');
});
