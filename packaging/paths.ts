import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { CommandOption } from '../manager/cli/command.ts';

/** Where daemons keep their things. Several can live on one machine, each with its own three. */
export interface Dirs {
  /** What a person writes. */
  readonly configDir: string;
  /** What must outlive a reboot; keys among it. */
  readonly stateDir: string;
  /** Sockets. */
  readonly runDir: string;
}

const DEFAULT_DIRS: Dirs = {
  configDir: '/etc/isthmus',
  stateDir: '/var/lib/isthmus',
  runDir: '/run/isthmus',
};

/** The options of a daemon that say where its things are. */
export const DIR_OPTIONS: Readonly<Record<string, CommandOption>> = {
  'config-dir': folder('configuration', DEFAULT_DIRS.configDir),
  'state-dir': folder('what must outlive a reboot, keys among it', DEFAULT_DIRS.stateDir),
  'run-dir': folder('sockets', DEFAULT_DIRS.runDir),
};

function folder(what: string, preset: string): CommandOption {
  return { type: 'string', placeholder: 'folder', default: preset, summary: `folder of ${what}` };
}

/** The folders that the options name. */
export function dirsOf(values: Readonly<Record<string, unknown>>): Dirs {
  return {
    configDir: String(values['config-dir']),
    stateDir: String(values['state-dir']),
    runDir: String(values['run-dir']),
  };
}

/**
 * The folders that the options name, for who makes them. Those above are made like any others: each of these makes what is missing, some
 * for root alone, and Envoy's user has to get through to the next.
 */
export async function placedDirs(values: Readonly<Record<string, unknown>>): Promise<Dirs> {
  const dirs = dirsOf(values);
  // Whoever makes the folder itself says why it cannot be made.
  for (const folder of Object.values(dirs)) await mkdir(dirname(folder), { recursive: true }).catch(() => undefined);
  return dirs;
}

/** Where what is fetched or built once is kept: `$ISTHMUS_CACHE`, else as the XDG base directories say. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env['ISTHMUS_CACHE'] ?? join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'isthmus');
}
