/** Levels of maps and lists that may lie in each other in what is read; what we understand has some ten. */
export const MAXIMUM_LEVELS = 100;

/** Whether there are more levels, or without an end: a YAML alias may stand within what it is an alias of. */
export function isNestedTooDeep(value: unknown, levels: number = MAXIMUM_LEVELS): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some(inner => isNestedTooDeep(inner, levels - 1));
}

/** What is said of it. */
export const TOO_DEEP: string = `maps and lists are nested more than ${MAXIMUM_LEVELS} levels deep, or hold themselves; write it flatter`;

/** The code of errors of the package `yaml` when it met more levels than it can read. */
export const YAML_TOO_DEEP = 'RESOURCE_EXHAUSTION';
