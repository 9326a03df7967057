import type { MeshHost } from '../../e2e/mesh.ts';
import { Lines } from '../lines.ts';

/** How a start went, milliseconds since the agent was called. */
export interface Start {
  readonly firstAnswerMs: number;
  /** When the agent said what, in order. */
  readonly stages: readonly { readonly stage: string; readonly atMs: number }[];
}

/** What the agent logs on its way. */
const STAGES: readonly (readonly [stage: string, message: string])[] = [
  ['agent runs, its snapshot is read', 'agent is running'],
  ['Envoy’s process runs', 'Envoy started'],
  ['Envoy asks for its config', 'Envoy opened an xDS stream'],
  ['Envoy has its config', 'Envoy took its config'],
  ['calls are captured', 'capturing'],
];

const LIMIT_MS = 30_000;

/** Starts the agent of a host that lies felled, while a workload calls until it is answered. */
export async function start(
  host: MeshHost,
  uid: number,
  service: { readonly name: string; readonly port: number },
): Promise<Start> {
  const file = new URL('first-call.ts', import.meta.url).pathname;
  const command = [process.execPath, file, service.name, String(service.port)];
  const caller = new Lines(host.host.spawn(command, { uid, readAll: true }));
  await caller.next(LIMIT_MS);
  const [begun, begunAt] = [process.hrtime.bigint(), Date.now()];
  await host.startAgent();
  const answered = BigInt(await caller.next(LIMIT_MS));
  const stages = await Promise.all(
    STAGES.map(async ([stage, message]) => {
      const line = await host.agent().line(text => text.includes(`"message":"${message}"`));
      return { stage, atMs: Date.parse((JSON.parse(line) as { time: string }).time) - begunAt };
    }),
  );
  return { firstAnswerMs: Number(answered - begun) / 1e6, stages };
}
