import { renderTable } from '../../manager/cli/table.ts';
import type { Split } from './shift.ts';
import type { DemoSummary } from './summary.ts';

/** What a moment of the demo shows. */
export interface Moment {
  readonly summary: DemoSummary;
  /** The summary of some time before, for calls per second. */
  readonly before: DemoSummary;
  /** Milliseconds between the two. */
  readonly betweenMs: number;
  readonly split: Split;
}

/** Who calls whom, how often, and where that is: one line an instance, one for the caller that is refused. */
export function renderScreen(moment: Moment, options: { readonly width?: number; readonly colour: boolean }): string {
  const { summary, before, betweenMs, split } = moment;
  const rate = (now: number, then: number): string => ((now - then) / (betweenMs / 1000)).toFixed(1);
  const newCalls = Math.max(1, summary.calls - before.calls);
  const rows = Object.entries(summary.byInstance).map(([name, { calls, host, registry, version }]) => {
    const then = before.byInstance[name]?.calls ?? 0;
    const share = `${Math.round((100 * (calls - then)) / newCalls)}%`;
    return ['web', name, version, host, registry, String(calls), rate(calls, then), share];
  });
  const refusals = rate(summary.refused, before.refused);
  rows.push(['other', 'reviews', '', '', '', `${summary.refused}`, refusals, '403 by policy']);
  const head = ['CALLER', 'INSTANCE', 'VERSION', 'HOST', 'REGISTRY', 'CALLS', 'PER S', 'SHARE'];
  const failures = Object.entries(summary.failures).map(([why, count]) => `, ${why} ${count}`);
  const lines = [
    `split v1/v2: ${split.v1}/${split.v2}; reviews:9080 is one service on two hosts, in two registries`,
    '',
    ...renderTable(head, rows, { ...options, right: [5, 6] })
      .trimEnd()
      .split('\n'),
    '',
    `calls ${summary.calls}, failed ${summary.failed}${failures.join('')}`,
  ];
  // A line that wraps would spoil the count of lines to draw over; those of the table fit by themselves.
  const fits = (line: string): string => (line.startsWith('\x1b') ? line : line.slice(0, options.width));
  return lines.map(line => `${fits(line)}\n`).join('');
}

/** The same in one line, for where nothing can be redrawn. */
export function renderLine({ summary, split }: Moment): string {
  const instances = Object.entries(summary.byInstance).map(([name, { calls, host }]) => `${name}@${host} ${calls}`);
  return `split ${split.v1}/${split.v2}: web -> reviews ${summary.calls} calls, ${summary.failed} failed (${instances.join(', ')}); other -> reviews ${summary.refused} refused\n`;
}

/** Draws over what it drew before. */
export class Screen {
  readonly #write: (text: string) => void;
  #lines = 0;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  draw(text: string): void {
    // Up over the old lines, then clear from there to the end of the screen.
    this.#write(`${this.#lines > 0 ? `\x1b[${this.#lines}A` : ''}\x1b[0J${text}`);
    this.#lines = text.split('\n').length - 1;
  }
}
