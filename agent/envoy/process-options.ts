import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { Logger } from '../../manager/model/util/log.ts';
import type { JsonMap } from '../compile/resource.ts';
import { type EnvoyProgram, envoyCommand } from './launch.ts';
import type { PulseTimes } from './pulse.ts';

/** How Envoy is started and kept running. */
export interface EnvoyProcessOptions extends EnvoyProgram {
  /** See `bootstrap()`. */
  readonly bootstrap: JsonMap;
  readonly log: Logger;
  /** An Envoy that lived for less than this died of its start, and the next try waits; 10 s unless told otherwise. Milliseconds. */
  readonly stableMs?: number;
  /** Told each time it died and could not be started again. */
  readonly onUnable?: () => void;
  /** How long one that takes over may need to get ready; 30 s unless told otherwise. Milliseconds. */
  readonly takeOverMs?: number;
  /** After how long it is tried again when it could not, at first; 30 s unless told otherwise. Milliseconds. */
  readonly againMs?: number;
  /** When one that does not answer is told of, and ended. */
  readonly pulse?: PulseTimes;
}

/** How Envoy came to run. */
export type EnvoyStart = 'started' | 'adopted' | 'replaced';

/** What tells an Envoy from one with other settings, or of another program. @throws when there is no program. */
export async function keyOf(options: EnvoyProcessOptions): Promise<string> {
  const { binary, bootstrap, uid, gid, capabilities = [] } = options;
  const { size, mtimeMs } = await stat(binary);
  const command = envoyCommand(options, { epoch: 0, baseId: undefined });
  const all = [bootstrap, command, binary, uid, gid, capabilities, size, mtimeMs];
  return createHash('sha256').update(JSON.stringify(all)).digest('base64url');
}
