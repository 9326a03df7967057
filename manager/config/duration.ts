import type { Fields } from '../model/util/fields.ts';

/** Milliseconds in each unit of Go's durations, which Istio writes; below a millisecond Envoy's timers do not go. */
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Envoy refuses some that are longer than 292 years, and with them the resource that they are in. */
const LONGEST_MS = 8_760 * 3_600_000;

/**
 * Whole milliseconds of a duration such as `5s`, `1.5s`, `300ms` or `1h30m`, undefined when it is none. What is shorter than one is one: 0
 * often means no limit.
 */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) total += Number(amount) * UNITS[unit!]!;
  return total === 0 ? 0 : Math.max(1, Math.round(total));
}

/** Reads a duration in milliseconds; undefined when it is absent or wrong. */
export function duration(fields: Fields, name: string, minimumMs = 1): number | undefined {
  const value = fields.raw(name);
  if (value === undefined) return undefined;
  if (typeof value === 'number') return fields.fail(name, `must be a duration, not ${value}`, `try "${value}s"`);
  const ms = typeof value === 'string' ? parseDuration(value) : undefined;
  if (ms === undefined)
    return fields.fail(
      name,
      `must be a duration, not ${JSON.stringify(value)}`,
      'write it as "5s", "1.5s", "300ms" or "1h30m"',
    );
  if (ms < minimumMs) return fields.fail(name, `must be at least ${minimumMs}ms, not ${JSON.stringify(value)}`);
  if (ms > LONGEST_MS) return fields.fail(name, `must be at most 8760h, not ${JSON.stringify(value)}`);
  return ms;
}
