import { styleText } from 'node:util';
import type { Command, CommandOption } from '../../manager/cli/command.ts';

const HEAD = 'Isthmus: one service mesh over every environment, one Envoy per host.';

/** How help is shown. */
export interface HelpStyle {
  readonly colour: boolean;
  /** Characters in a line; what explains goes on in the next. Absent: as wide as it gets. */
  readonly width?: number;
}

/** What `isthmus --help` prints: every command with its line, and where to begin. */
export function overview(commands: readonly Command[], { colour, width }: HelpStyle): string {
  const longest = Math.max(...commands.map(command => command.name.length));
  return [
    HEAD,
    '',
    heading('Usage', colour),
    '  isthmus <command> [options]',
    '',
    heading('Commands', colour),
    ...commands.flatMap(command => explained(command.name.padEnd(longest), command.summary, width)),
    '',
    'isthmus help <command> shows its options, with examples.',
    '',
  ].join('\n');
}

/** What `isthmus <command> --help` prints: examples first, for they teach. */
export function commandHelp(command: Command, { colour, width }: HelpStyle): string {
  const options = Object.entries(command.options).map(
    ([name, option]) => [flag(name, option), meaning(option)] as const,
  );
  const longest = Math.max(0, ...options.map(([left]) => left.length));
  return [
    command.summary,
    '',
    heading('Examples', colour),
    ...command.examples.flatMap(example => [`  # ${example.says}`, `  ${example.command}`, '']),
    heading('Usage', colour),
    `  ${command.usage}`,
    '',
    ...(options.length === 0 ? [] : [heading('Options', colour)]),
    ...options.flatMap(([left, right]) => explained(left.padEnd(longest), right, width)),
    ...(options.length === 0 ? [] : ['']),
  ].join('\n');
}

/** No explanation is folded to less than this. */
const NARROWEST = 24;

/** A term and its explanation beside it, folded at spaces where lines have a width. */
function explained(term: string, explanation: string, width: number = Number.POSITIVE_INFINITY): string[] {
  const room = Math.max(NARROWEST, width - term.length - 4);
  const lines = [''];
  for (const word of explanation.split(' ')) {
    const line = lines.at(-1)!;
    if (line === '') lines[lines.length - 1] = word;
    else if (line.length + word.length < room) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.map((line, index) => `  ${index === 0 ? term : ' '.repeat(term.length)}  ${line}`);
}

function heading(text: string, colour: boolean): string {
  return colour ? styleText('bold', text, { validateStream: false }) : text;
}

function flag(name: string, option: CommandOption): string {
  const short = option.short === undefined ? '    ' : `-${option.short}, `;
  const value = option.placeholder ?? (option.choices ? option.choices.join('|') : 'value');
  return `${short}--${name}${option.type === 'string' ? ` <${value}>` : ''}`;
}

function meaning(option: CommandOption): string {
  const shown = option.default === undefined || option.default === false ? '' : ` (default: ${option.default})`;
  return `${option.summary}${option.multiple ? '; may be repeated' : ''}${shown}`;
}
