import { type Command, type CommandContext, EXIT, runCommand, tellError } from '../../manager/cli/command.ts';
import { messageOf } from '../../manager/model/util/errors.ts';
import { nearest } from '../../manager/model/util/fields.ts';
import { commandHelp, type HelpStyle, overview } from './help.ts';

/** What "help" itself is; it is no command of the table, as it needs the table. */
const HELP: Command = {
  name: 'help',
  summary: 'Show all commands, or the options of one, with examples',
  usage: 'isthmus help [<command>]',
  examples: [
    { command: 'isthmus help', says: 'what there is' },
    { command: 'isthmus help token create', says: 'one command; isthmus token create --help is the same' },
  ],
  options: {},
  run: async () => EXIT.ok,
};

/** Runs the command that the words name, out of an explicit table. Resolves to the exit code; never throws. */
export async function dispatch(
  commands: readonly Command[],
  argv: readonly string[],
  context: CommandContext,
): Promise<number> {
  const asked = argv[0] === 'help' ? argv.slice(1) : argv[0] === '--version' ? ['version', ...argv.slice(1)] : argv;
  const command = findCommand(commands, asked);
  if (asked[0] === undefined || (command === undefined && isHelp(asked[0])))
    return say(context, overview(commands, styleOf(context)));
  if (argv[0] === 'help' && asked[0] === 'help') return say(context, commandHelp(HELP, styleOf(context)));
  const group = command === undefined ? groupOf(commands, asked[0]) : [];
  if (group.length > 0 && (asked[1] === undefined ? argv[0] === 'help' : isHelp(asked[1])))
    return say(context, overview(group, styleOf(context)));
  if (command === undefined) return unknown(commands, asked, context);
  const rest = asked.slice(command.name.split(' ').length);
  if (argv[0] === 'help' || beforeDashes(rest).some(isHelp))
    return say(context, commandHelp(command, styleOf(context)));
  if (isMistyped(commands, command, rest)) return unknown(commands, asked, context);
  try {
    return await runCommand(command, rest, context);
  } catch (error) {
    if (context.signal.aborted) return EXIT.failed;
    tellError(command, rest, context, { message: `isthmus ${command.name}: ${messageOf(error)}` });
    return EXIT.failed;
  }
}

/** The command that the first words name, the longest name first; undefined when there is none. */
export function findCommand(commands: readonly Command[], argv: readonly string[]): Command | undefined {
  return [argv.slice(0, 2).join(' '), argv[0]].flatMap(
    name => commands.find(command => command.name === name) ?? [],
  )[0];
}

function styleOf({ isTTY, colour = false, columns }: CommandContext): HelpStyle {
  return { colour, ...(isTTY ? { width: columns } : {}) };
}

/** Commands of two words that begin with this one. */
function groupOf(commands: readonly Command[], first: string): readonly Command[] {
  return commands.filter(command => command.name.startsWith(`${first} `));
}

/** A command that takes no words of its own, before a word that is none of its group: `hosts rm`. */
function isMistyped(
  commands: readonly Command[],
  { name, positionals }: Command,
  [next = '-']: readonly string[],
): boolean {
  return !next.startsWith('-') && (positionals?.maximum ?? 0) === 0 && groupOf(commands, name).length > 0;
}

function isHelp(word: string): boolean {
  return word === '--help' || word === '-h';
}

function beforeDashes(words: readonly string[]): readonly string[] {
  const dashes = words.indexOf('--');
  return dashes < 0 ? words : words.slice(0, dashes);
}

function say(context: CommandContext, text: string): number {
  context.stdout.write(text);
  return EXIT.ok;
}

/** A group without its second word, or a word that is no command: says what there is. */
function unknown(commands: readonly Command[], argv: readonly string[], context: CommandContext): number {
  const [first = '', second] = argv;
  const group = groupOf(commands, first).map(command => command.name);
  if (group.length > 0) {
    if (commands.some(({ name }) => name === first)) group.unshift(first);
    const wrong =
      second === undefined ? `"isthmus ${first}" needs one more word` : `There is no "isthmus ${first} ${second}"`;
    context.stderr.write(`${wrong}: ${group.map(name => `isthmus ${name}`).join(', ')}\n`);
    return EXIT.usage;
  }
  const names = commands.map(command => command.name);
  const near = nearest([first, second].join(' ').trim(), names) ?? nearest(first, names);
  const hint =
    near === undefined ? 'Try: isthmus --help' : `Did you mean "isthmus ${near}"? All commands: isthmus --help`;
  context.stderr.write(`There is no "isthmus ${first}". ${hint}\n`);
  return EXIT.usage;
}
