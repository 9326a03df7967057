import { codeOf, messageOf } from '../model/util/errors.ts';
import { isOfUnknownRoot } from '../model/util/tls-errors.ts';
import { CommandError } from './command.ts';

/** It ended without removing its socket. `isthmus up` would make a mesh host of one that was no more than the Manager's. */
const NOT_RUNNING = 'isthmus manager, or isthmus up if that ran here; with an agent here too: isthmus agent status';

/** The Manager took a call, and did not answer in time. */
export function unanswered(name: string, limitMs: number, cause: unknown): CommandError {
  return new CommandError(`The Manager at ${name} did not answer within ${limitMs / 1000} s`, {
    next: 'the same again; if it stays so, see what its log says, and start it anew',
    cause,
  });
}

/** What to say when the socket of a daemon is for root; undefined when that is not why. */
export function notAllowed(path: string, cause: unknown): CommandError | undefined {
  if (codeOf(cause) !== 'EACCES') return undefined;
  return new CommandError(`You may not open ${path}: it is for root`, { next: 'the same as root', cause });
}

/** No call came through to the Manager. @param caFile what the person gave to know it by. */
export function unreachable(name: string, caFile: string | undefined, cause: unknown): CommandError {
  const isSocket = name.startsWith('/');
  const code = codeOf(cause) ?? '';
  if (code === 'ENOENT')
    return new CommandError(`No Manager runs here: ${name} is not there`, {
      next: 'isthmus up, or --run-dir <its run directory>, or --manager https://<host>:15014; with an agent alone: isthmus status',
      cause,
    });
  if (code === 'ECONNREFUSED')
    return new CommandError(`No Manager answers at ${name}`, {
      next: isSocket ? NOT_RUNNING : 'isthmus status, on the host of the Manager',
      cause,
    });
  const refused = notAllowed(name, cause);
  if (refused) return refused;
  if (isOfUnknownRoot(cause)) {
    const root = caFile === undefined ? 'a root that is trusted here' : `the root in ${caFile}`;
    // What Node adds is for who runs Node.
    const [why = ''] = messageOf(cause).split(';');
    return new CommandError(`The certificate of the Manager at ${name} does not come from ${root}: ${why}`, {
      next: "--ca-file <a copy of root.pem in the Manager's state directory>",
      cause,
    });
  }
  return new CommandError(`Cannot speak to the Manager at ${name}: ${messageOf(cause)}`, { cause });
}
