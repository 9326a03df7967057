import { setTimeout as delay } from 'node:timers/promises';
import { Mesh, type MeshHost } from '../../e2e/mesh.ts';
import { fell } from '../../e2e/reboot.ts';
import { familyOf, usageOf, usageOfAll } from '../usage.ts';
import { callAll, uidOf, weighedHost } from './ground.ts';
import { type Start, start } from './start.ts';

/** What a host with 20 workloads and 200 services costs. */
export interface Weight {
  /** Resident memory, bytes. The agent's holds that of its children. */
  readonly memory: {
    /** Every service was asked for, none called yet. */
    readonly subscribed: Memory;
    /** Every service was called some moments ago. */
    readonly called: Memory;
    /** A minute later, with idle connections closed but for tunnels. */
    readonly rested: Memory;
  };
  /** Share of one processor that the idle agent takes, 0–1. */
  readonly idleShare: number;
  /** Starts from the snapshot with the Manager away. */
  readonly starts: readonly Start[];
}

export interface Memory {
  readonly agentBytes: number;
  readonly envoyBytes: number;
}

export interface WeightOptions {
  readonly idleSeconds: number;
  readonly starts: number;
  readonly progress: (line: string) => void;
}

/** Weighs a host whose 20 workloads use 200 services, before and after they call them, then starts its agent and Envoy from what lies on disk. */
export async function weigh({ idleSeconds, starts, progress }: WeightOptions): Promise<Weight> {
  await using mesh = await Mesh.create('weight');
  const host = await weighedHost(mesh, progress);
  const subscribed = await memory(host);
  progress('calling each of them');
  await callAll(host.host);
  const called = await memory(host);
  progress(`leaving the agent alone for ${SETTLE_MS / 1000} s, and ${idleSeconds} s more`);
  const idleShare = await idle(host, idleSeconds);
  const rested = await memory(host);
  await mesh.manager.kill('SIGKILL');
  const found: Start[] = [];
  for (let round = 1; round <= starts; round += 1) {
    progress(`start ${round} of ${starts} from the snapshot`);
    await fell(host);
    found.push(await start(host, uidOf(0), { name: 'service-0', port: 80 }));
  }
  return { memory: { subscribed, called, rested }, idleShare, starts: found };
}

async function memory(host: MeshHost): Promise<Memory> {
  const { pid, envoy } = await host.status();
  return { agentBytes: usageOfAll(familyOf(pid)).residentBytes, envoyBytes: usageOf(envoy.pid).residentBytes };
}

// What the calls left to do is no idling: the snapshot is written, and V8 collects garbage twice, the last time when it was quiet for
// some twenty seconds.
const SETTLE_MS = 30_000;

async function idle(host: MeshHost, seconds: number): Promise<number> {
  const { pid } = await host.status();
  await delay(SETTLE_MS);
  const [before, begun] = [usageOfAll(familyOf(pid)).cpuMs, performance.now()];
  await delay(seconds * 1000);
  return (usageOfAll(familyOf(pid)).cpuMs - before) / (performance.now() - begun);
}
