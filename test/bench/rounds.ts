import { setTimeout as delay } from 'node:timers/promises';
import type { Load } from './load.ts';
import type { Path } from './paths/path.ts';
import { median, spread } from './statistics.ts';
import { usageOfAll } from './usage.ts';
import { measure, type Sample } from './wrk.ts';

export interface RoundOptions {
  /** How many rounds; each goes once over everything. */
  readonly rounds: number;
  /** How long one load lasts, whole seconds. */
  readonly seconds: number;
  /** No round begins that would not end within so many milliseconds, judged by the longest so far; the first always runs. */
  readonly budgetMs: number;
  /** Told what is being done. */
  readonly progress: (line: string) => void;
}

/** One load of one path in one round. */
export interface Reading {
  readonly sample: Sample;
  /** Of the requests a second of `direct` in the same round and load. */
  readonly ratioToDirect: number;
  /** Processor time of the path's own processes for a request, microseconds, by what they are. */
  readonly cpuMicros: ReadonlyMap<string, number>;
  /** Resident memory of the same processes at the end of the load, MB; pages that several share count in each. */
  readonly memoryMegabytes: ReadonlyMap<string, number>;
}

/** All readings of one path under one load, by round. */
export interface Cell {
  readonly path: string;
  readonly load: string;
  readonly readings: readonly Reading[];
}

/** One line of the result: medians over the rounds. */
export interface Row {
  readonly path: string;
  readonly load: string;
  readonly rps: number;
  readonly ratioToDirect: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Resident memory by what has it; absent where the path has no processes of its own. */
  readonly memoryMegabytes?: Readonly<Record<string, number>>;
}

const MEGABYTE = 1_000_000;

// Lets connections of the load before close, so that they cost the next one nothing.
const PAUSE_MS = 150;

async function read(path: Path, load: Load, seconds: number): Promise<Omit<Reading, 'ratioToDirect'>> {
  await delay(PAUSE_MS);
  const groups = [...path.processes()];
  const before = groups.map(([, pids]) => usageOfAll(pids).cpuMs);
  const sample = await measure(path.target(load), load, seconds);
  const after = groups.map(([, pids]) => usageOfAll(pids));
  const byGroup = (of: (i: number) => number): ReadonlyMap<string, number> =>
    new Map(groups.map(([name], i) => [name, of(i)]));
  return {
    sample,
    cpuMicros: byGroup(i => ((after[i]!.cpuMs - before[i]!) * 1000) / sample.requests),
    memoryMegabytes: byGroup(i => after[i]!.residentBytes / MEGABYTE),
  };
}

/**
 * Measures every path under every load, interleaved: within a round, all paths stand one load after the other, so that what disturbs
 * the machine disturbs all of them; every second round goes backwards.
 * @param paths the first is what ratios are to.
 */
export async function runRounds(
  paths: readonly Path[],
  loads: readonly Load[],
  options: RoundOptions,
): Promise<readonly Cell[]> {
  const { rounds, seconds, progress } = options;
  const cells = new Map<string, { path: string; load: string; readings: Reading[] }>();
  const begun = performance.now();
  let longest = 0;
  for (let round = 0; round < rounds; round += 1) {
    const roundBegun = performance.now();
    if (round > 0 && roundBegun - begun + longest > options.budgetMs) break;
    for (const load of loads) {
      progress(`round ${round + 1} of ${rounds}: ${load.name}`);
      const order = round % 2 === 0 ? paths : paths.toReversed();
      const found = new Map<Path, Omit<Reading, 'ratioToDirect'>>();
      for (const path of order) found.set(path, await read(path, load, seconds));
      const base = found.get(paths[0]!)!.sample.rps;
      for (const [path, reading] of found) {
        const key = `${path.name}\n${load.name}`;
        const cell = cells.get(key) ?? { path: path.name, load: load.name, readings: [] };
        cell.readings.push({ ...reading, ratioToDirect: reading.sample.rps / base });
        cells.set(key, cell);
      }
    }
    longest = Math.max(longest, performance.now() - roundBegun);
  }
  const rank = (name: string): number => paths.findIndex(path => path.name === name);
  return loads.flatMap(load =>
    [...cells.values()].filter(cell => cell.load === load.name).sort((a, b) => rank(a.path) - rank(b.path)),
  );
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

/** The median over the rounds of what is told by groups of processes, for each group. */
export function mediansOf(
  cell: Cell,
  pick: (reading: Reading) => ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const groups = [...(cell.readings[0] ? pick(cell.readings[0]).keys() : [])];
  return new Map(groups.map(name => [name, median(cell.readings.map(reading => pick(reading).get(name)!))]));
}

/** The medians of a cell. The ratio is the median of the rounds' ratios, not the ratio of medians. */
export function rowOf(cell: Cell): Row {
  const of = (pick: (reading: Reading) => number): number => median(cell.readings.map(pick));
  const memory = [...mediansOf(cell, reading => reading.memoryMegabytes)];
  return {
    path: cell.path,
    load: cell.load,
    rps: Math.round(of(reading => reading.sample.rps)),
    ratioToDirect: round(
      of(reading => reading.ratioToDirect),
      3,
    ),
    p50Ms: round(
      of(reading => reading.sample.p50Ms),
      3,
    ),
    p99Ms: round(
      of(reading => reading.sample.p99Ms),
      3,
    ),
    ...(memory.length > 0 && {
      memoryMegabytes: Object.fromEntries(memory.map(([name, value]) => [name, round(value, 1)])),
    }),
  };
}

/** A comparison of two paths under one load. */
export interface Comparison {
  /** Median over the rounds of the ratio of requests a second. */
  readonly ratio: number;
  /** Half the distance between the quartiles, as a share. */
  readonly spread: number;
}

/** How one path does beside another under the same load, round by round; undefined when one was not measured. */
export function compare(cells: readonly Cell[], load: string, path: string, to: string): Comparison | undefined {
  const find = (name: string): Cell | undefined => cells.find(cell => cell.load === load && cell.path === name);
  const [one, other] = [find(path), find(to)];
  if (one === undefined || other === undefined) return undefined;
  const ratios = one.readings.map((reading, i) => reading.sample.rps / other.readings[i]!.sample.rps);
  return { ratio: median(ratios), spread: spread(ratios) };
}

/** What went wrong under load, one line a cell; empty when nothing failed. */
export function failuresOf(cells: readonly Cell[]): readonly string[] {
  return cells.flatMap(cell => {
    const failed = cell.readings.reduce((sum, reading) => sum + reading.sample.failed, 0);
    return failed === 0 ? [] : [`${cell.path}, ${cell.load}: ${failed} requests failed`];
  });
}
