import { styleText } from 'node:util';

/** How a table is shown. */
export interface TableOptions {
  /** Characters to fit into: the widest columns are cut for it. Absent: as wide as it gets. */
  readonly width?: number;
  readonly colour: boolean;
  /** Columns of numbers, by index: they stand to the right. */
  readonly right?: readonly number[];
}

const GAP = '  ';
/** No column is cut to less; where that is too much still, lines are cut. */
const NARROWEST = 6;

/** Columns under their heads, two spaces apart; every line ends with a newline. */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  options: TableOptions,
): string {
  const natural = head.map((title, column) => Math.max(title.length, ...rows.map(row => (row[column] ?? '').length)));
  const widths =
    options.width === undefined ? natural : narrow(natural, options.width - GAP.length * (head.length - 1));
  const line = (cells: readonly string[]): string => {
    const padded = widths.map((width, column) => {
      const cell = cut(cells[column] ?? '', width);
      return options.right?.includes(column) ? cell.padStart(width) : cell.padEnd(width);
    });
    return cut(padded.join(GAP).trimEnd(), options.width ?? Number.POSITIVE_INFINITY);
  };
  const title = line(head);
  const shown = options.colour ? styleText('bold', title, { validateStream: false }) : title;
  return [shown, ...rows.map(line)].map(text => `${text}\n`).join('');
}

/** Takes from the widest column until all fit, or none can give more. */
function narrow(natural: readonly number[], room: number): readonly number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, width) => sum + width, 0) - room;
  while (excess > 0) {
    const widest = widths.indexOf(Math.max(...widths));
    if (widths[widest]! <= NARROWEST) break;
    widths[widest]! -= 1;
    excess -= 1;
  }
  return widths;
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}
