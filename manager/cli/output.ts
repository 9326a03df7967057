import { stringify } from 'yaml';
import { escapeControls } from '../model/util/controls.ts';
import type { CommandArguments, CommandContext } from './command.ts';
import { renderTable } from './table.ts';

/** A table: its head and its rows. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Columns of numbers, by index. */
  readonly right?: readonly number[];
  /** What to say instead when there are no rows. */
  readonly empty: string;
}

/** Prints data as `--output` says: all of it as JSON or YAML, or a table for people. */
export function print(
  context: CommandContext,
  values: CommandArguments['values'],
  data: unknown,
  table: () => Table | string,
): void {
  if (values['output'] === 'json') context.stdout.write(jsonText(data));
  else if (values['output'] === 'yaml') context.stdout.write(yamlText(data));
  else {
    const shown = table();
    context.stdout.write(printable(typeof shown === 'string' ? shown : tableText(context, shown)));
  }
}

/** Data as JSON, ending with a newline. */
export function jsonText(data: unknown): string {
  return `${escapeControls(JSON.stringify(data, undefined, 2))}\n`;
}

/** Data as a document of YAML. */
export function yamlText(data: unknown): string {
  return escapeControls(stringify(data, { lineWidth: 0 }));
}

/** Tells a person beside the data: on standard error, a line or more. */
export function tell({ stderr }: Pick<CommandContext, 'stderr'>, text: string): void {
  stderr.write(`${printable(text)}\n`);
}

/** Files, hosts and registries write parts of what is shown: they may not move the cursor of a terminal, nor worse. Colours stay. */
function printable(text: string): string {
  const isColour = (at: number): boolean => text[at] === '\u001b' && /^\[\d{1,3}m/.test(text.slice(at + 1, at + 6));
  return text.replaceAll(/\p{Cc}/gu, (found, at: number) => (found === '\n' || isColour(at) ? found : ' '));
}

/** A table as text, cut to the terminal's width when there is one. */
export function tableText(context: CommandContext, { head, rows, right, empty }: Table): string {
  if (rows.length === 0) return `${empty}\n`;
  return renderTable(head, rows, {
    colour: context.colour === true,
    ...(context.isTTY ? { width: context.columns } : {}),
    ...(right === undefined ? {} : { right }),
  });
}

/** How long ago, as `3s`, `5m`, `2h` or `9d`. @param at milliseconds since 1970. */
export function ago(at: number, now: number = Date.now()): string {
  const seconds = Math.max(0, Math.round((now - at) / 1_000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

/** `1 object`, `2 objects`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** So many names are written out in a line; of more, the first few and how many more there are. */
const MOST_NAMES = 5;
const FIRST_NAMES = 2;

/** `alpha, beta`, or `alpha, beta and 5 more`. */
export function namesText(names: readonly string[]): string {
  if (names.length <= MOST_NAMES) return names.join(', ');
  return `${names.slice(0, FIRST_NAMES).join(', ')} and ${names.length - FIRST_NAMES} more`;
}

/** What was said, and the names of those who said just that. */
interface Alike {
  readonly names: readonly string[];
  readonly text: string;
}

/** What many say alike, once. @param said by whom, and what. */
export function alike(said: readonly (readonly [name: string, text: string])[]): readonly Alike[] {
  return [...Map.groupBy(said, ([, text]) => text)].map(([text, all]) => ({
    names: [...new Set(all.map(([name]) => name))],
    text,
  }));
}

/** Lines under a heading such as `Wrong`; nothing when there are none. */
export function listText(heading: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `\n${heading}:\n${lines.map(line => `  ${line}\n`).join('')}`;
}
