import { type FSWatcher, type WatchListener, watch } from 'node:fs';
import { codeOf } from './errors.ts';

/** What the system says when it has no watch left to give, or no file descriptor. */
const NONE_LEFT: readonly unknown[] = ['EMFILE', 'ENFILE', 'ENOSPC'];

/**
 * Watches a folder.
 * @returns undefined when the system has no watch left: all programs of a user share them (`fs.inotify.max_user_instances`, 128 as
 * Linux comes), and what can be read must not wait for that. Who gets none looks at the folder now and then.
 */
export function watchFolder(folder: string, listener: WatchListener<string>): FSWatcher | undefined {
  try {
    return watch(folder, listener);
  } catch (error) {
    if (NONE_LEFT.includes(codeOf(error))) return undefined;
    throw error;
  }
}
