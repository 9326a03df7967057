import { once } from 'node:events';
import { connect } from 'node:net';
import test from 'ava';
import { startManagerProcess } from './process.ts';

test('a connection on which nobody speaks keeps no Manager from ending', async t => {
  const manager = await startManagerProcess(t);
  const { hostname, port } = new URL(`tcp://${manager.agents}`);
  const silent = connect(Number(port), hostname);
  silent.on('error', () => undefined);
  await once(silent, 'connect');
  const closed = once(silent, 'close', { signal: AbortSignal.timeout(15_000) });
  await Promise.all([manager.kill('SIGTERM'), closed]);
  t.pass();
});
