import { stat } from 'node:fs/promises';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { type CommandArguments, CommandError, type CommandOption } from '../../manager/cli/command.ts';
import { ConfigError, codeOf, describeFieldError, messageOf } from '../../manager/model/util/errors.ts';
import type { Fields } from '../../manager/model/util/fields.ts';
import { readIfThere } from '../../manager/model/util/files.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import { readYaml } from '../../manager/model/util/yaml.ts';
import { LOG_LEVELS, type LogLevel } from '../log/level.ts';
import { DIR_OPTIONS } from '../paths.ts';

/** Options of every daemon. */
export const DAEMON_OPTIONS: Readonly<Record<string, CommandOption>> = {
  ...DIR_OPTIONS,
  'log-level': { type: 'string', choices: LOG_LEVELS, default: 'info', summary: 'how much to log' },
  'log-format': {
    type: 'string',
    choices: ['text', 'json'],
    summary: 'a line for people, or an object for machines (default: text on a terminal, json elsewhere)',
  },
};

/** A daemon has run most of what a start runs by then, milliseconds. */
const STARTED_MS = 5_000;

/** Keeps what Node compiled (see `bin/isthmus`) for the next start, also if this process ends without a word. Call it once all is loaded. */
export function keepCompiled(): void {
  flushCompileCache();
  setTimeout(flushCompileCache, STARTED_MS).unref();
}

/** The log of a daemon: events on standard error, one a line. */
export async function daemonLogger(values: CommandArguments['values']): Promise<Logger> {
  // winston takes a while to load; help and completion do without.
  const { createLogger } = await import('../log/winston.ts');
  const isTTY = process.stderr.isTTY === true;
  const format = values['log-format'] ?? (isTTY ? 'text' : 'json');
  return createLogger({
    level: values['log-level'] as LogLevel,
    format: format as 'text' | 'json',
    colour: isTTY && !process.env['NO_COLOR'],
    stream: process.stderr,
  });
}

/**
 * Reads a file of the configuration folder; one that is not there is as good as an empty one.
 * @throws {CommandError} with every wrong field at its line.
 */
export async function readConfigFile<T>(configDir: string, name: string, read: (fields: Fields) => T): Promise<T> {
  const path = join(configDir, name);
  return readConfigText(await configText(path), path, read);
}

/**
 * The text of a file of the configuration folder; undefined when nothing is there. A pipe may never end, and a device neither.
 * @throws {CommandError}
 */
export async function configText(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new Error('it is no plain file; name another --config-dir, or move it away');
    return (await readIfThere(path))?.toString();
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw new CommandError(`Cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Reads what a file of the configuration folder says, or is about to say.
 * @param text undefined when there is no file.
 * @throws {CommandError} with every wrong field at its line.
 */
export function readConfigText<T>(text: string | undefined, path: string, read: (fields: Fields) => T): T {
  try {
    return readYaml(text ?? '', path, read);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const what = text === undefined ? `${path} is not there, and not all of it has defaults` : `${path} cannot be used`;
    throw new CommandError(`${what}:\n${error.errors.map(one => `  ${describeFieldError(one)}`).join('\n')}`, {
      cause: error,
    });
  }
}
