import { readFileSync } from 'node:fs';

/** How many files Envoy may have open: as many as this process could, see `launch`. */
export function openFiles(): number {
  const [, hard] = /^Max open files +\S+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
  return hard === undefined ? Number.POSITIVE_INFINITY : Number(hard);
}
