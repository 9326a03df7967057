import { type ChildProcess, spawn } from 'node:child_process';
import { Backoff } from '../../manager/model/util/backoff.ts';
import { type Clock, systemClock } from '../../manager/model/util/clock.ts';
import type { Logger } from '../../manager/model/util/log.ts';

export interface SuperviseOptions {
  /** For messages. */
  readonly name: string;
  /** Program and arguments. */
  readonly argv: readonly string[];
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Tells of every start; for tests. */
  readonly onStart?: (child: ChildProcess) => void;
}

/** A process that lived so long was well; its end is not that of its start. Milliseconds. */
const STABLE_MS = 10_000;
/** How long an orderly end may take, milliseconds. */
const END_MS = 15_000;

/**
 * Keeps a process running until the signal aborts; then has it end (SIGTERM, after a while SIGKILL) and waits for that. Its output
 * is ours.
 * @throws when it ended with exit code 2 at its first start: it was used wrongly, and would be again.
 */
export async function supervise(options: SuperviseOptions, signal: AbortSignal): Promise<void> {
  const { name, argv, logger, clock = systemClock } = options;
  const backoff = new Backoff({ initialMs: 200, maximumMs: 10_000 });
  for (let first = true; !signal.aborted; first = false) {
    const startedAt = clock.now();
    const how = await once(argv, options.onStart, signal);
    if (signal.aborted) return;
    if (first && how === 'exit code 2') throw new Error(`the ${name} ended with ${how}: see above`);
    if (clock.now() - startedAt >= STABLE_MS) backoff.reset();
    const waitMs = Math.round(backoff.next());
    logger.error(`the ${name} ended; starting it again`, { how, inMs: waitMs });
    await clock.sleep(waitMs, signal).catch(() => undefined);
  }
}

/** Runs it to its end; resolves to how it ended. */
async function once(
  argv: readonly string[],
  onStart: SuperviseOptions['onStart'],
  signal: AbortSignal,
): Promise<string> {
  const [program, ...args] = argv;
  const child = spawn(program!, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  let kill: NodeJS.Timeout | undefined;
  const end = (): void => {
    child.kill('SIGTERM');
    kill = setTimeout(() => child.kill('SIGKILL'), END_MS);
  };
  const ended = new Promise<string>(resolve => {
    child.once('error', error => resolve(error.message));
    child.once('exit', (code, by) => resolve(by ?? `exit code ${code}`));
  });
  signal.addEventListener('abort', end, { once: true });
  onStart?.(child);
  try {
    return await ended;
  } finally {
    signal.removeEventListener('abort', end);
    clearTimeout(kill);
  }
}
