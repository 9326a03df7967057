import type { Logger } from '../../manager/model/util/log.ts';
import type { JsonMap } from '../compile/resource.ts';
import type { EnvoyProgram } from './launch.ts';
import type { PulseTimes } from './pulse.ts';

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
