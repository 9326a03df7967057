import test from 'ava';
import { eventually } from '../eventually.ts';
import { stage } from './fixture.ts';
import { cluster } from './resources.ts';

/** Connections of unix sockets that keep this process from ending. */
function held(): number {
  return process.getActiveResourcesInfo().filter(name => name === 'PipeWrap').length;
}

test.serial('an Envoy that hangs is known to be gone', async t => {
  await using on = await stage();
  const { ads, envoy } = await on.serve([cluster('a')], { ads: { keepAliveMs: 200 } });
  t.is(ads.connections, 1);
  process.kill(envoy.status().pid!, 'SIGSTOP');
  await eventually(
    'its stream is over',
    () => ads.connections,
    count => count === 0,
  );
  process.kill(envoy.status().pid!, 'SIGCONT');
  await eventually(
    'it is back',
    () => ads.connections,
    count => count === 1,
  );
  t.is(envoy.status().restarts, 0);
});

test.serial('an Envoy that hangs does not keep its agent from ending', async t => {
  await using on = await stage();
  const before = held();
  const { ads, envoy } = await on.serve([cluster('a')]);
  process.kill(envoy.status().pid!, 'SIGSTOP');
  // More than a socket holds.
  ads.update(Array.from({ length: 5_000 }, (_, index) => cluster(`cluster-${index}-${'x'.repeat(100)}`)));
  await ads.close();
  await eventually('nothing is held', held, count => count <= before, { timeoutMs: 3_000 });
  t.pass();
});
