import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { gone, type ProcessRef, processRef, sendSignal } from './process-ref.ts';

const LIMIT_MS = 5_000;

/**
 * Envoys of a run folder that no file names any more, as when somebody removed the folder while they ran.
 * @param program what is started as Envoy there.
 */
export async function strayEnvoys(program: string): Promise<readonly ProcessRef[]> {
  const own = networkOf('self');
  const numbers = readdirSync('/proc').filter(name => /^\d+$/.test(name));
  const pids = numbers.filter(pid => programOf(pid) === program && networkOf(pid) === own);
  const refs = await Promise.all(pids.map(pid => processRef(Number(pid))));
  return refs.filter(ref => ref !== undefined);
}

/** Ends processes; those that do not obey are killed. */
export async function endAll(refs: readonly ProcessRef[]): Promise<void> {
  await Promise.all(
    refs.map(async ref => {
      if (!(await sendSignal(ref, 'SIGTERM'))) return;
      await gone(ref, AbortSignal.timeout(LIMIT_MS)).catch(() => sendSignal(ref, 'SIGKILL'));
      await gone(ref, AbortSignal.timeout(LIMIT_MS));
    }),
  );
}

/** The first word of a command line; undefined when the process is gone. */
function programOf(pid: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0', 1)[0];
  } catch {
    return undefined;
  }
}

/** Another host may be a container of this machine, with a folder of the same name. */
function networkOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}
