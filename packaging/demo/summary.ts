import type { ServiceReport } from '../../manager/api/inspect.ts';
import type { CallerReport } from './caller.ts';

/** Where an instance stands and who listed it, as the Manager tells it. */
export interface InstancePlace {
  readonly host: string;
  readonly registry: string;
  /** Value of its label `version`. */
  readonly version: string;
}

/** What the demo came to; printed by `--output json`. */
export interface DemoSummary {
  /** Calls of the workload that may call. */
  readonly calls: number;
  /** Of those, calls that were not answered with 200; and calls of the other workload that were not refused. */
  readonly failed: number;
  readonly byInstance: Readonly<Record<string, InstancePlace & { readonly calls: number }>>;
  /** Calls of the workload that policy refuses, answered with 403. */
  readonly refused: number;
  /** Failures by workload and reason; empty when all is well. */
  readonly failures: Readonly<Record<string, number>>;
}

/** Finds where each instance of a service stands; instances by the name of their workload. */
export function placesOf(service: ServiceReport): Readonly<Record<string, InstancePlace>> {
  return Object.fromEntries(
    service.instances.flatMap(({ reach, source, labels }) => {
      if (reach.kind !== 'mesh') return [];
      const name = reach.workload.split('/').at(-1)!;
      return [[name, { host: reach.host, registry: source, version: labels['version'] ?? '' }]];
    }),
  );
}

const NOWHERE: InstancePlace = { host: 'unknown', registry: 'unknown', version: '' };

/** @param web the workload that may call. @param other the one that policy refuses. */
export function summarize(
  web: CallerReport,
  other: CallerReport,
  places: Readonly<Record<string, InstancePlace>>,
): DemoSummary {
  const served = sum(Object.values(web.byInstance));
  const names = [...new Set([...Object.keys(places), ...Object.keys(web.byInstance)])].sort();
  const failures = {
    ...prefixed('web', { ...web.failures, ...(web.refused > 0 && { refused: web.refused }) }),
    ...prefixed('other', {
      ...other.failures,
      ...(sum(Object.values(other.byInstance)) > 0 && { served: sum(Object.values(other.byInstance)) }),
    }),
  };
  return {
    calls: web.calls,
    failed: web.calls - served + (other.calls - other.refused),
    byInstance: Object.fromEntries(
      names.map(name => [name, { calls: web.byInstance[name] ?? 0, ...(places[name] ?? NOWHERE) }]),
    ),
    refused: other.refused,
    failures,
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function prefixed(name: string, counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).map(([reason, count]) => [`${name}: ${reason}`, count]));
}
