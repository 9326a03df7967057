import { filter } from './filters.ts';
import { METADATA } from './names.ts';
import type { JsonMap } from './resource.ts';

/** Calls of one kind that this host's workloads made since Envoy started. */
export interface CallCount {
  /** Uid of the workload that called. */
  readonly source: string;
  /** Canonical hostname of the service. */
  readonly service: string;
  /** Id of the instance that was chosen; empty when there was none. */
  readonly instance: string;
  /** HTTP status; 0 for TCP, where a call is a connection that has ended. */
  readonly status: number;
  readonly calls: number;
}

const COUNTER = 'isthmus_calls';
/** Distinct counters; the longest unused make room for others. */
const MOST = 20_000;

/** Counts calls by who calls what, and which instance answered; one counter for all listeners of the host. */
export function countCalls(source: string, protocol: 'http' | 'tcp'): readonly JsonMap[] {
  const tags = {
    source,
    service: `%METADATA(CLUSTER:${METADATA}:service)%`,
    instance: `%METADATA(UPSTREAM_HOST:${METADATA}:instance)%`,
    status: protocol === 'http' ? '%RESPONSE_CODE%' : '0',
  };
  const stat = { name: COUNTER, tags: Object.entries(tags).map(([name, value_format]) => ({ name, value_format })) };
  const scope = { prefix: 'calls', sharing_name: 'calls', enable_eviction: true, max_counters: MOST };
  return [
    filter('calls', 'access_loggers.stats.v3.Config', { stats_scope: scope, counters: [{ stat, value_fixed: 1 }] }),
  ];
}

/** What to ask of Envoy's admin interface for {@link readCalls}. */
export const CALLS_PATH: string = `/stats/prometheus?filter=${COUNTER}`;

const LINE = new RegExp(`^envoy_calls_${COUNTER}\\{(.*)\\} (\\d+)$`);
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** Reads the answer of {@link CALLS_PATH}. */
export function readCalls(answer: string): readonly CallCount[] {
  return answer.split('\n').flatMap(line => {
    const [, labels, calls] = LINE.exec(line) ?? [];
    if (labels === undefined) return [];
    const values = new Map([...labels.matchAll(LABEL)].map(([, name = '', value = '']) => [name, unquote(value)]));
    const text = (name: string): string => values.get(name) ?? '';
    return [
      {
        source: text('source'),
        service: text('service'),
        instance: text('instance'),
        status: Number(text('status')),
        calls: Number(calls),
      },
    ];
  });
}

function unquote(value: string): string {
  return value.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
}
