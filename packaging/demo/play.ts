import { setTimeout as delay } from 'node:timers/promises';
import { CallerProcess } from './caller-process.ts';
import { OTHER, WEB } from './cast.ts';
import { type Moment, renderLine, renderScreen, Screen } from './screen.ts';
import { Pace } from './shift.ts';
import type { Stage } from './stage.ts';
import { type DemoSummary, summarize } from './summary.ts';

export interface PlayOptions {
  /** How long calls flow, milliseconds; until the signal aborts when absent. */
  readonly forMs?: number;
  /** Calls per second of the one that may call. */
  readonly rate: number;
  /** Where the table goes. */
  readonly write: (text: string) => void;
  /** Draw the table over and over; a line now and then otherwise. */
  readonly redraw: boolean;
  readonly colour: boolean;
  readonly columns: number;
}

const REDRAW_MS = 500;
const FIRST_CALL_MS = 20_000;
const OTHER_RATE = 2;

/** Lets calls flow, shows them, and shifts the split meanwhile. Ends when the time is over or the signal aborts. */
export async function play(stage: Stage, options: PlayOptions, signal: AbortSignal): Promise<DemoSummary> {
  const pace = new Pace(options.forMs);
  await stage.split(pace.split);
  await firstCalls(stage, signal);
  const places = await stage.places();
  const web = new CallerProcess(stage.hostOf(WEB), WEB, options.rate);
  const other = new CallerProcess(stage.hostOf(OTHER), OTHER, OTHER_RATE);
  const look = (): DemoSummary => summarize(web.report, other.report, places);
  const started = performance.now();
  const lastsMs = options.forMs ?? Number.POSITIVE_INFINITY;
  const screen = new Screen(options.write);
  const moments = new Moments(look());
  for (let atMs = 0; atMs < lastsMs && !signal.aborted; atMs = performance.now() - started) {
    const moment = moments.next(look(), pace.split);
    if (options.redraw) screen.draw(renderScreen(moment, { width: options.columns, colour: options.colour }));
    else if (pace.line(atMs)) options.write(renderLine(moment));
    if (pace.shift(atMs)) await stage.split(pace.split);
    const waitMs = Math.min(REDRAW_MS, lastsMs - atMs);
    await delay(waitMs, undefined, { signal }).catch(() => undefined);
  }
  // Who gives up wants an end, not the last answers; a Ctrl-C has reached the callers too.
  if (signal.aborted) return look();
  const [webReport, otherReport] = await Promise.all([web.stop(), other.stop()]);
  return summarize(webReport, otherReport, places);
}

/** Rates are of the last two seconds, so that they are steady enough to be read. */
class Moments {
  readonly #past: { readonly at: number; readonly summary: DemoSummary }[];

  constructor(first: DemoSummary) {
    this.#past = [{ at: performance.now(), summary: first }];
  }

  next(summary: DemoSummary, split: Moment['split']): Moment {
    const at = performance.now();
    this.#past.push({ at, summary });
    while (this.#past.length > 2 && this.#past[1]!.at < at - 2000) this.#past.shift();
    const [before] = this.#past;
    return { summary, before: before!.summary, betweenMs: Math.max(1, at - before!.at), split };
  }
}

/** Resolves once one caller is served and the other refused: from here on every call counts. */
async function firstCalls(stage: Stage, signal: AbortSignal): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(FIRST_CALL_MS)]);
  const web = new CallerProcess(stage.hostOf(WEB), WEB, 10);
  const other = new CallerProcess(stage.hostOf(OTHER), OTHER, 10);
  try {
    await Promise.all([
      web.until(report => Object.keys(report.byInstance).length > 0, limit),
      other.until(report => report.refused > 0, limit),
    ]);
  } catch (error) {
    if (signal.aborted) throw error;
    const said = JSON.stringify({ web: web.report, other: other.report });
    throw new Error(`No call came through within ${FIRST_CALL_MS / 1000} s: ${said}`, { cause: error });
  }
  await Promise.all([web.stop(), other.stop()]);
}
