import { messageOf } from '../../manager/model/util/errors.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import { type Rerun, rerun } from '../../manager/model/util/rerun.ts';

/** Writes something down for the next life of the agent, after each call; that it cannot be written is told of. */
export function keeping(what: string, save: () => Promise<void>, logger: Logger): Rerun {
  return rerun(save, error => logger.warn(`cannot remember ${what}`, { reason: messageOf(error) }));
}
