import { codeOf, messageOf } from '../../manager/model/util/errors.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import { type Rerun, rerun } from '../../manager/model/util/rerun.ts';

/** What could not be written is tried again after so long, milliseconds: a disk that was full may have room. */
const AGAIN_MS = 10_000;

/**
 * Writes something down for the next life of the agent, after each call. That it cannot be written is told of, once for each reason, and it
 * is tried again.
 * @param againMs after how long, milliseconds; 10 s but in tests.
 */
export function keeping(what: string, save: () => Promise<void>, logger: Logger, againMs: number = AGAIN_MS): Rerun {
  let again: NodeJS.Timeout | undefined;
  let told: string | undefined;
  const kept: Rerun = rerun(
    async () => {
      clearTimeout(again);
      await save();
      told = undefined;
    },
    error => {
      again = setTimeout(() => void kept.call(), againMs).unref();
      const reason = messageOf(error);
      // The message may name a file that is another one with each try.
      const kind = codeOf(error) ?? reason;
      if (kind !== told) logger.warn(`cannot remember ${what}; tried again`, { reason });
      told = kind;
    },
  );
  return kept;
}
