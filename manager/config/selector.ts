import type { WorkloadSelector } from '../model/config/security.ts';
import type { Fields } from '../model/util/fields.ts';
import { labelProblem } from './names.ts';

/** Reads `selector`; undefined when it is absent or names no label, which is the same. */
export function readSelector(spec: Fields): WorkloadSelector | undefined {
  const selector = spec.map('selector');
  if (!selector) return undefined;
  const matchLabels = selector.texts('matchLabels');
  for (const [key, value] of Object.entries(matchLabels)) {
    const problem = labelProblem(key, value);
    if (problem) selector.fail(`matchLabels.${key}`, problem);
  }
  selector.notYet(['matchExpressions']);
  selector.unknown();
  return Object.keys(matchLabels).length === 0 ? undefined : { matchLabels };
}

/** `app=web`, or all workloads. */
export function describeSelector(selector: WorkloadSelector | undefined): string {
  if (!selector) return 'all workloads';
  return Object.entries(selector.matchLabels)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ');
}
