import test from 'ava';
import { makeKey, makeRoot, readRoot } from '../../auth/ca/root.ts';
import type { MeshStatus } from '../../manager/api/mesh-status.ts';
import { joinMesh, startAgent, workloadOf } from './agent.ts';
import { startManager } from './manager.ts';

const TEN_YEARS_MS = 10 * 365 * 24 * 3_600_000;
const LEFT_MS = 5_000;

test('a CA that ends stops nothing that stands: agents are told of changes, the status says what to do, also after a restart', async t => {
  const ends = Date.now() + LEFT_MS;
  const ca = readRoot(makeRoot('test.mesh', ends - TEN_YEARS_MS));
  const manager = await startManager(t, { ca });
  const { token } = await manager.token();
  const { token: late } = await manager.token({ host: 'b' });
  const agent = await startAgent(t, manager, token, { workloads: [workloadOf('a', 'web')] });
  await agent.until('the first policy', () => agent.came.includes('WorkloadPolicy a/default/web'));

  // It is OpenSSL's clock that counts, in whole seconds, and nobody tells when it gets there.
  await new Promise(resolve => setTimeout(resolve, ends + 1_000 - Date.now()));
  agent.facts = {
    ...agent.facts,
    workloads: [workloadOf('a', 'web'), workloadOf('a', 'late', { services: ['late'] })],
  };
  agent.link.report();
  await agent.until('a change after the end', () => agent.came.includes('ServiceName late.default.mesh'));
  const name = 'spiffe://test.mesh/ns/default/sa/web';
  await t.throwsAsync(agent.link.sign(makeKey(), name, AbortSignal.timeout(10_000)), { message: /ended at/ });
  await t.throwsAsync(joinMesh(manager, late, 'b'));
  const status = async (from: typeof manager): Promise<MeshStatus> =>
    (await from.ask({ path: '/isthmus/v1/status' })).body as MeshStatus;
  t.true((await status(manager)).manager.caEnds <= Date.now());

  await agent.stop();
  await manager.stop();
  const again = await startManager(t, { ca, directory: manager.stateDir });
  t.is(again.agents, 'none');
  const { hosts, services } = await status(again);
  t.deepEqual([hosts.map(host => host.name), services], [['a'], 1], 'what was known is shown');
});
