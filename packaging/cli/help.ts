import { styleText } from 'node:util';
import type { Command, CommandOption } from '../../manager/cli/command.ts';

const HEAD = 'Isthmus: one service mesh over every environment, one Envoy per host.';

/** What `isthmus --help` prints: every command with its line, and where to begin. */
export function overview(commands: readonly Command[], colour: boolean): string {
  const width = Math.max(...commands.map(command => command.name.length));
  return [
    HEAD,
    '',
    heading('Usage', colour),
    '  isthmus <command> [options]',
    '',
    heading('Commands', colour),
    ...commands.map(command => `  ${command.name.padEnd(width)}  ${command.summary}`),
    '',
    'isthmus help <command> shows its options, with examples.',
    '',
  ].join('\n');
}

/** What `isthmus <command> --help` prints: examples first, for they teach. */
export function commandHelp(command: Command, colour: boolean): string {
  const options = Object.entries(command.options).map(
    ([name, option]) => [flag(name, option), meaning(option)] as const,
  );
  const width = Math.max(0, ...options.map(([left]) => left.length));
  return [
    command.summary,
    '',
    heading('Examples', colour),
    ...command.examples.flatMap(example => [`  # ${example.says}`, `  ${example.command}`, '']),
    heading('Usage', colour),
    `  ${command.usage}`,
    '',
    ...(options.length === 0 ? [] : [heading('Options', colour)]),
    ...options.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    ...(options.length === 0 ? [] : ['']),
  ].join('\n');
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
