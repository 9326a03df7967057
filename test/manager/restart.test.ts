import test from 'ava';
import type { HostReport } from '../../manager/api/inspect.ts';
import { startAgent, workloadOf } from './agent.ts';
import { startManagerProcess } from './process.ts';

const policyOf = (name: string): string => `WorkloadPolicy a/default/${name}`;
const OLD = workloadOf('a', 'old', { services: ['old'] });
const NEW = workloadOf('a', 'new');

for (const [when, late] of [
  ['its agent lives on', false],
  ['its agent starts anew besides, and does not know its workloads at once', true],
] as const)
  test(`a workload that came just before the Manager was killed keeps its policy: ${when}`, async t => {
    const manager = await startManagerProcess(t);
    const agent = await startAgent(t, manager, await manager.token('a'), { workloads: [OLD] });
    await agent.until('the old workload is known', () => agent.came.includes(policyOf('old')));
    // One that ends in order remembers what it knows; what comes now may be lost with a kill.
    await manager.kill('SIGTERM');
    await manager.start();
    await agent.until('the line is back', () => agent.sessions() === 2);
    agent.facts = { ...agent.facts, workloads: [OLD, NEW] };
    agent.link.report();
    await agent.until('the new workload is known', () => agent.came.includes(policyOf('new')));
    await manager.kill('SIGKILL');
    if (late) agent.facts = { ...agent.facts, workloads: undefined };
    await manager.start();
    await agent.until('the line is back', () => agent.sessions() === 3);
    // What is asked for on the same stream afterwards is answered after what was asked before.
    agent.link.subscribe('ServiceView', ['old.default.mesh']);
    await agent.until('an answer', () => agent.came.includes('ServiceView old.default.mesh'));
    agent.facts = { ...agent.facts, workloads: [OLD, NEW, workloadOf('a', 'third')] };
    agent.link.report();
    await agent.until('policies go on', () => agent.came.includes(policyOf('third')));
    t.deepEqual(
      agent.came.filter(name => name.startsWith('-')),
      [],
    );
  });

test('a Manager that started anew knows of its hosts what it knew, also of one without workloads', async t => {
  const manager = await startManagerProcess(t);
  const agent = await startAgent(t, manager, await manager.token('a'), { workloads: [] });
  await agent.until('it is heard of', () => agent.ack() !== undefined);
  await manager.kill('SIGTERM');
  await agent.stop();
  const ended = Date.now();
  await manager.start();
  const { items } = (await manager.ask({ path: '/isthmus/v1/hosts' })).body as { items: readonly HostReport[] };
  t.like(items, [{ name: 'a', lease: { state: 'held' } }]);
  t.true(items[0]!.lease.lastHeard <= ended);
  const { code, out } = await manager.isthmus('status', '--check');
  t.is(code, 0, out);
  t.regex(out, /^Hosts +1 of 1 with 0 workloads; 1 not heard of yet since this Manager started$/m);
});
