import { setTimeout as delay } from 'node:timers/promises';
import { Mesh } from '../../e2e/mesh.ts';
import { eventually } from '../../eventually.ts';
import type { Host } from '../../hosts/host.ts';
import { startConsul } from '../../real/consul.ts';
import { startZooKeeper } from '../../real/zookeeper.ts';
import { loadedHost } from '../ground.ts';
import { CALLER_UID, joinHosts } from '../paths/ours.ts';
import { SERVER_PORTS } from '../server.ts';
import { Asker } from './asking.ts';
import { fileRegistry, type MovableRegistry, serverRegistries } from './registries.ts';

/** What the changes of one registry took. */
export interface ChangeResult {
  readonly registry: MovableRegistry['kind'];
  /** From the registry's acknowledgement to the first answer of the new instance, milliseconds, in the order of the changes. */
  readonly tookMs: readonly number[];
  /** Calls meanwhile that failed. */
  readonly failed: number;
}

// Between the first call and the change, milliseconds: of any length, so as not to keep step with anybody's timer.
const SHORTEST_MS = 40;
const LONGEST_MS = 440;

/**
 * Moves an instance of the far host to and fro between two ports in each kind of registry, and measures when a caller that asks all the
 * time gets its first answer from where the instance is now. The registries take turns.
 */
export async function measureChanges(
  changes: number,
  progress: (line: string) => void,
): Promise<readonly ChangeResult[]> {
  await using mesh = await Mesh.create('change');
  const place = { argvPrefix: ['ip', 'netns', 'exec', mesh.control.namespace] };
  progress('starting Consul and ZooKeeper');
  await using consul = await startConsul(place);
  await using zookeeper = await startZooKeeper(place);
  const registries = [
    fileRegistry(mesh.control),
    ...serverRegistries(mesh.control, { consul: consul.address, zookeeper: zookeeper.address }),
  ];
  const near = await loadedHost(mesh.network, 'alpha');
  const far = await loadedHost(mesh.network, 'beta');
  for (const registry of registries) await registry.move(far.address, SERVER_PORTS.first);
  progress('starting a Manager and two hosts');
  await mesh.startManager({ registries: registries.map(({ config }) => config) });
  await joinHosts(mesh, [near, far]);
  await reached(mesh, near, registries);
  return await changeInTurns(registries, { near, far, changes, progress });
}

/** Resolves when the instances are reached through the far host's agent. */
async function reached(mesh: Mesh, near: Host, registries: readonly MovableRegistry[]): Promise<void> {
  await eventually(
    'every moving instance is in the mesh',
    () => mesh.services(),
    services =>
      registries.every(({ service }) => {
        const instances = services.find(({ name }) => name === service)?.instances ?? [];
        return instances.length === 1 && instances.every(({ reach }) => reach.kind === 'mesh');
      }),
  );
  await eventually(
    'every moving instance answers',
    async () => {
      for (const { service } of registries)
        await near.run(['curl', '-sS', '--fail', '--max-time', '5', `http://${service}/`], { uid: CALLER_UID });
      return true;
    },
    Boolean,
  );
}

async function changeInTurns(
  registries: readonly MovableRegistry[],
  { near, far, changes, progress }: { near: Host; far: Host; changes: number; progress: (line: string) => void },
): Promise<readonly ChangeResult[]> {
  const asker = new Asker(near, CALLER_UID);
  const results = registries.map(({ kind }) => ({ registry: kind, tookMs: [] as number[], failed: 0 }));
  for (let round = 0; round < changes; round += 1) {
    if (round % 20 === 0) progress(`change ${round + 1} of ${changes} in each registry`);
    const port = round % 2 === 0 ? SERVER_PORTS.second : SERVER_PORTS.first;
    for (const [index, registry] of registries.entries()) {
      await asker.begin({ url: `http://${registry.service}/`, answer: String(port) });
      await delay(SHORTEST_MS + Math.random() * (LONGEST_MS - SHORTEST_MS));
      const acknowledged = await registry.move(far.address, port);
      const { at, failed } = await asker.seen();
      const result = results[index]!;
      result.tookMs.push(Number(BigInt(at) - acknowledged) / 1e6);
      result.failed += failed;
    }
  }
  return results;
}
