import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { processStat } from '../../manager/model/util/process-stat.ts';

/** The `isthmus up` that starts this process again whenever it ends: its number; undefined when there is none. */
export async function supervisingUp(pid: number): Promise<number | undefined> {
  const parent = processStat(pid)?.parent;
  if (parent === undefined || parent <= 1) return undefined;
  const text = await readFile(`/proc/${parent}/cmdline`, 'utf8').catch(() => '');
  return isUp(text.split('\0')) ? parent : undefined;
}

/** @param argv such as `node --optimize-for-size …/packaging/isthmus.ts up`. */
export function isUp(argv: readonly string[]): boolean {
  const program = argv.findIndex(word => basename(word) === 'isthmus.ts');
  return program >= 0 && argv[program + 1] === 'up';
}
