import type { Clock } from '../manager/model/util/clock.ts';
import { messageOf } from '../manager/model/util/errors.ts';
import type { Logger } from '../manager/model/util/log.ts';

/** Looked for so often, milliseconds. */
const LOOK_MS = 1_000;

/** A socket that is made again where somebody removed it; resolves to whether that was so. */
interface Socket {
  restore(): Promise<boolean>;
}

/**
 * Makes the sockets of the agent again where somebody removed them, until the signal aborts: without them it would count as dead, another
 * could start beside it, `uninstall` would not end it, and an Envoy that begins would find no config. Never rejects.
 */
export async function keepSockets(
  sockets: readonly Socket[],
  { clock, logger, folder }: { readonly clock: Clock; readonly logger: Logger; readonly folder: string },
  signal: AbortSignal,
): Promise<void> {
  let failed: string | undefined;
  for (;;) {
    await clock.sleep(LOOK_MS, signal).catch(() => undefined);
    if (signal.aborted) return;
    try {
      let restored = false;
      for (const socket of sockets) restored = (await socket.restore()) || restored;
      if (restored) logger.warn('someone removed sockets of the agent; they are back', { folder });
      failed = undefined;
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== failed) logger.error('cannot make sockets of the agent again', { folder, reason });
      failed = reason;
    }
  }
}
