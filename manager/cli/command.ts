import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { Connect } from './client.ts';
import { jsonText, tell } from './output.ts';

/** Exit codes: all is well; refused or failed; used wrongly. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** One option of a command: what `parseArgs` needs, and what help and completion show. */
export interface CommandOption {
  readonly type: 'string' | 'boolean';
  /** One letter. */
  readonly short?: string;
  /** May be given several times. */
  readonly multiple?: boolean;
  readonly default?: string | boolean;
  readonly summary: string;
  /** What stands for the value in help, such as `file`. */
  readonly placeholder?: string;
  /** The only values there are; checked, and offered by completion. */
  readonly choices?: readonly string[];
}

/** An example for help. */
export interface CommandExample {
  readonly command: string;
  readonly says: string;
}

/** What was read from the command line. */
export interface CommandArguments {
  readonly values: Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;
  readonly positionals: readonly string[];
}

/** Where a command writes and what it may use. */
export interface CommandContext {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  /** The whole of standard input, for `-f -`. @throws {CommandError} as `readStream` does. */
  readonly stdin: () => Promise<string>;
  /** Whether standard output is a terminal: tables are then cut to its width. */
  readonly isTTY: boolean;
  /** Whether to colour: on a terminal, unless the person wants none. None unless said. */
  readonly colour?: boolean;
  /** Characters in a line of the terminal. */
  readonly columns: number;
  /** Opens the Manager that the connection options name. */
  readonly connect: Connect;
  /** Aborts when the person gives up. */
  readonly signal: AbortSignal;
}

/** A command of the executable. Its help and its completion follow from these fields alone. */
export interface Command {
  /** As typed after `isthmus`; of two words when it belongs to a group, such as `token create`. */
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** As in `isthmus get <kind> [name]`: words before options, as what is missing is named by it. */
  readonly usage: string;
  readonly examples: readonly CommandExample[];
  readonly options: Readonly<Record<string, CommandOption>>;
  /** How many words besides options it takes; none unless said. */
  readonly positionals?: { readonly minimum: number; readonly maximum: number };
  /** Values for the word at a position, for completion. */
  readonly complete?: (position: number) => readonly string[];
  /** Ends in order once its signal aborts, however long that takes, as a daemon does. Any other is ended soon after. */
  readonly endsInOrder?: boolean;
  /**
   * Does it and resolves to the exit code.
   * @throws {CommandError} for what a person must mend.
   */
  run(args: CommandArguments, context: CommandContext): Promise<number>;
}

/** Ends a command with a message for a person. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;
  /** What to type or do next. */
  readonly next: string | undefined;

  constructor(message: string, options: { exitCode?: number; next?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.exitCode = options.exitCode ?? EXIT.failed;
    this.next = options.next;
  }
}

/** A command that was used wrongly: exit code 2, and where its help is. */
export function usageError(command: Pick<Command, 'name' | 'usage'>, message: string): CommandError {
  return new CommandError(`${message}\nUsage: ${command.usage}`, {
    exitCode: EXIT.usage,
    next: `isthmus ${command.name} --help`,
  });
}

/**
 * Reads the words after the command's name.
 * @throws {CommandError} with exit code 2 for an unknown option, a value that is none of the choices, or too many or too few words.
 */
export function parseCommand(command: Command, argv: readonly string[]): CommandArguments {
  const { values, positionals } = parseStrictly(command, argv);
  for (const [name, option] of Object.entries(command.options)) {
    const value = values[name];
    if (option.choices && typeof value === 'string' && !option.choices.includes(value))
      throw usageError(command, `--${name} must be one of ${option.choices.join(', ')}, not "${value}"`);
  }
  const { minimum, maximum } = command.positionals ?? { minimum: 0, maximum: 0 };
  if (positionals.length < minimum)
    throw usageError(command, `${wordsOf(command)[positionals.length] ?? 'a word'} is missing`);
  if (positionals.length > maximum) throw usageError(command, `"${positionals[maximum]}" is one word too many`);
  return { values, positionals };
}

/** What its usage says after its name. */
function wordsOf({ name, usage }: Command): readonly string[] {
  return usage.slice(`isthmus ${name} `.length).split(' ');
}

function parseStrictly(command: Command, argv: readonly string[]): CommandArguments {
  try {
    return parseArgs({ args: [...argv], options: optionsOf(command), allowPositionals: true, strict: true });
  } catch (error) {
    throw usageError(command, (error as Error).message.split('. ')[0] ?? 'Cannot read the options');
  }
}

/** As `parseArgs` wants them. */
function optionsOf(command: Command): NonNullable<ParseArgsConfig['options']> {
  const options: NonNullable<ParseArgsConfig['options']> = {};
  for (const [name, { type, short, multiple, default: preset }] of Object.entries(command.options))
    options[name] = {
      type,
      ...(short === undefined ? {} : { short }),
      ...(multiple === undefined ? {} : { multiple }),
      ...(preset === undefined ? {} : { default: preset }),
    };
  return options;
}

/** Runs a command on the words after its name; errors are told with what to do next. Resolves to the exit code. */
export async function runCommand(command: Command, argv: readonly string[], context: CommandContext): Promise<number> {
  try {
    return await command.run(parseCommand(command, argv), context);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    tellError(command, argv, context, error);
    return error.exitCode;
  }
}

/** Tells a person on stderr why a command failed, and on stdout a program that asked for JSON. */
export function tellError(
  command: Command,
  argv: readonly string[],
  context: CommandContext,
  { message, next }: Pick<CommandError, 'message'> & { readonly next?: string | undefined },
): void {
  tell(context, `${message}${next === undefined ? '' : `\nTry: ${next}`}`);
  if (!asksForJson(command, argv)) return;
  const error = { message, ...(next === undefined ? {} : { next }) };
  context.stdout.write(jsonText({ error }));
}

/** Also where other words are wrong. */
function asksForJson(command: Command, argv: readonly string[]): boolean {
  if (!command.options['output']?.choices?.includes('json')) return false;
  const { values } = parseArgs({
    args: [...argv],
    options: optionsOf(command),
    allowPositionals: true,
    strict: false,
  });
  return values['output'] === 'json';
}
