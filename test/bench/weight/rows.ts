import { median } from '../statistics.ts';
import { type Aim, verdictOf } from '../verdict.ts';
import { SERVICES, WORKLOADS } from './ground.ts';
import type { Start } from './start.ts';
import type { Weight } from './weight.ts';

/** The result as JSON has it. */
export interface WeightRow {
  /** The most of the agent. */
  readonly agentMegabytes: number;
  /** Of Envoy: every service is subscribed; each was just called; none was for a minute. */
  readonly envoyMegabytes: number;
  readonly envoyCalledMegabytes: number;
  readonly envoyRestedMegabytes: number;
  readonly idlePercent: number;
  /** Median, and the longest. */
  readonly startMs: number;
  readonly longestStartMs: number;
}

const MEGABYTE = 1_000_000;
const round = (value: number, digits = 1): number => Number(value.toFixed(digits));
const answers = (starts: readonly Start[]): readonly number[] => starts.map(({ firstAnswerMs }) => firstAnswerMs);

export function weightRow({ memory: { subscribed, called, rested }, idleShare, starts }: Weight): WeightRow {
  const agents = [subscribed, called, rested].map(({ agentBytes }) => agentBytes);
  return {
    agentMegabytes: round(Math.max(...agents) / MEGABYTE),
    envoyMegabytes: round(subscribed.envoyBytes / MEGABYTE),
    envoyCalledMegabytes: round(called.envoyBytes / MEGABYTE),
    envoyRestedMegabytes: round(rested.envoyBytes / MEGABYTE),
    idlePercent: round(idleShare * 100, 2),
    startMs: Math.round(median(answers(starts))),
    longestStartMs: Math.round(Math.max(...answers(starts))),
  };
}

/** The weight as Markdown tables, beside what is wanted. */
export function weightTable(weight: Weight): string {
  const row = weightRow(weight);
  const line = (what: string, unit: string, aim: Aim): string =>
    `| ${what} | ${aim.found} ${unit} | ≤ ${aim.atMost} ${unit} | ${verdictOf(aim)} |`;
  const host = `${WORKLOADS} workloads and ${SERVICES} subscribed services`;
  const beside = (what: string, megabytes: number): string => `| ${what} | ${megabytes} MB | | |`;
  return [
    '| what | found | wanted | |',
    '|---|---|---|---|',
    line(`resident memory of the agent, ${host}, the most before and after each was called`, 'MB', {
      found: row.agentMegabytes,
      atMost: 150,
    }),
    line('resident memory of Envoy, the same host, before the calls', 'MB', { found: row.envoyMegabytes, atMost: 100 }),
    beside('some moments after each service was called', row.envoyCalledMegabytes),
    beside('when none was called for a minute', row.envoyRestedMegabytes),
    line('processor share of the idle agent, from half a minute after the calls on', '% of a core', {
      found: row.idlePercent,
      atMost: 1,
    }),
    line('start from the snapshot to the first answer, median', 'ms', { found: row.startMs, atMost: 2000 }),
    '',
    stagesTable(weight.starts),
  ].join('\n');
}

function stagesTable(starts: readonly Start[]): string {
  const stages = (starts[0]?.stages ?? []).map(
    ({ stage }, index) => [stage, starts.map(start => start.stages[index]!.atMs)] as const,
  );
  const lines = [...stages, ['first call answered', answers(starts)] as const].map(
    ([stage, times]) => `| ${stage} | ${Math.round(median(times))} | ${Math.round(Math.max(...times))} |`,
  );
  return [`| ${starts.length} starts: until | median ms | longest ms |`, '|---|---|---|', ...lines].join('\n');
}
