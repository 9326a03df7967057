import { styleText } from 'node:util';

export interface TableOptions {
  /** Width to fit into; the last column is cut for it. Absent: as wide as it gets. */
  readonly width?: number;
  readonly colour: boolean;
  /** Columns of numbers, by index: they stand to the right. */
  readonly right?: readonly number[];
}

/** Columns under their heads, two spaces apart; every line ends with a newline. */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  options: TableOptions,
): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map(row => (row[column] ?? '').length)));
  const line = (cells: readonly string[]): string => {
    const padded = cells.map((cell, column) =>
      options.right?.includes(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
    );
    const text = padded.join('  ').trimEnd();
    return options.width !== undefined && text.length > options.width ? `${text.slice(0, options.width - 1)}…` : text;
  };
  const title = line(head);
  const shown = options.colour ? styleText('bold', title, { validateStream: false }) : title;
  return [shown, ...rows.map(line)].map(text => `${text}\n`).join('');
}
