import { ConfigError, type FieldError } from './errors.ts';

/** What is wrong with an entry of a list, and how to mend it. */
export type EntryProblem = readonly [message: string, hint?: string];

type Values = Readonly<Record<string, unknown>>;

/** Whether a value is a plain map of names to values. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Reads the fields of one map and collects what is wrong with them, so that a person sees every error at once.
 * Ends with `unknown()` on each map, then `check()` on the outermost.
 */
export class Fields {
  readonly path: string;
  readonly errors: FieldError[];
  readonly #values: Values;
  readonly #isMap: boolean;
  readonly #read = new Set<string>();
  readonly #notYet = new Set<string>();

  /** @param path where the map stands, `` for a document. */
  constructor(values: unknown, path: string, errors: FieldError[] = []) {
    this.path = path;
    this.errors = errors;
    this.#isMap = isRecord(values);
    this.#values = isRecord(values) ? values : {};
    if (!this.#isMap)
      this.errors.push({ path: path || 'document', message: `must be a map of fields, not ${show(values)}` });
  }

  /** Path of a field of this map. */
  at(name: string): string {
    return this.path ? `${this.path}.${name}` : name;
  }

  /** Notes an error at a field; not so where there is no map to have fields, which is said already. */
  fail(name: string, message: string, hint?: string): undefined {
    if (this.#isMap) this.errors.push({ path: this.at(name), message, ...(hint === undefined ? {} : { hint }) });
    return undefined;
  }

  /** Notes an error at the map itself. */
  failHere(message: string, hint?: string): undefined {
    if (this.#isMap)
      this.errors.push({ path: this.path || 'document', message, ...(hint === undefined ? {} : { hint }) });
    return undefined;
  }

  /** The names that the map has, for maps whose names are data. */
  names(): string[] {
    return Object.keys(this.#values);
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined && this.#values[name] !== null;
  }

  /** The value as it stands; null counts as absent. */
  raw(name: string): unknown {
    this.#read.add(name);
    return this.#values[name] ?? undefined;
  }

  /** A text that is not empty. */
  string(name: string): string | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (typeof value === 'string' && value !== '') return value;
    return this.fail(
      name,
      `must be a text, not ${show(value)}`,
      typeof value === 'number' ? `try "${value}"` : undefined,
    );
  }

  required(name: string, hint?: string): string | undefined {
    if (!this.has(name)) {
      this.#read.add(name);
      return this.fail(name, 'is missing', hint);
    }
    return this.string(name);
  }

  number(name: string, minimum: number, maximum: number, whole = true): number | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    const fits =
      typeof value === 'number' && value >= minimum && value <= maximum && (!whole || Number.isInteger(value));
    if (fits) return value;
    return this.fail(
      name,
      `must be a ${whole ? 'whole ' : ''}number from ${minimum} to ${maximum}, not ${show(value)}`,
    );
  }

  port(name: string): number | undefined {
    return this.number(name, 1, 65_535);
  }

  boolean(name: string): boolean | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === 'boolean') return value;
    return this.fail(name, `must be true or false, not ${show(value)}`);
  }

  oneOf<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    const found = choices.find(choice => choice === value);
    if (found !== undefined) return found;
    const near = choices.find(choice => choice.toLowerCase() === show(value).slice(1, -1).toLowerCase());
    return this.fail(name, `must be one of ${choices.join(', ')}, not ${show(value)}`, near && `try "${near}"`);
  }

  /** A map of texts to texts; empty when absent. */
  texts(name: string): Record<string, string> {
    const value = this.raw(name);
    if (value === undefined) return {};
    if (!isRecord(value)) {
      this.fail(name, `must be a map of texts, not ${show(value)}`);
      return {};
    }
    const texts: Record<string, string> = {};
    for (const [key, text] of Object.entries(value)) {
      if (typeof text === 'string') texts[key] = text;
      else
        this.fail(
          `${name}.${key}`,
          `must be a text, not ${show(text)}`,
          text === null ? 'try ""' : `try ${show(show(text))}`,
        );
    }
    return texts;
  }

  /**
   * A list of texts; undefined when absent.
   * @param check what is wrong with an entry, and how to mend it; undefined when nothing is.
   */
  strings(name: string, check?: (entry: string, index: number) => EntryProblem | undefined): string[] | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value))
      return this.fail(
        name,
        `must be a list of texts, not ${show(value)}`,
        typeof value === 'string' ? `try ["${value}"]` : undefined,
      );
    return value.filter((entry, index): entry is string => {
      const isText = typeof entry === 'string' && entry !== '';
      const problem: EntryProblem | undefined = isText ? check?.(entry, index) : [`must be a text, not ${show(entry)}`];
      if (problem) this.fail(`${name}[${index}]`, ...problem);
      return isText;
    });
  }

  /** A map of fields; undefined when absent. */
  map(name: string): Fields | undefined {
    const value = this.raw(name);
    return value === undefined ? undefined : new Fields(value, this.at(name), this.errors);
  }

  /** A list of maps; empty when absent. */
  list(name: string): Fields[] {
    const value = this.raw(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) {
      this.fail(name, `must be a list, not ${show(value)}`, 'put "- " before its first field');
      return [];
    }
    return value.map((entry, index) => new Fields(entry, `${this.at(name)}[${index}]`, this.errors));
  }

  /** Refuses fields that the format has and we do not know what to do with: a person must see that they would have no effect. */
  notYet(names: readonly string[]): void {
    for (const name of names) {
      this.#notYet.add(name);
      if (this.has(name)) this.fail(name, 'is not supported yet', 'remove it');
    }
  }

  /** Notes every field that nobody read, with the nearest known name. */
  unknown(): void {
    for (const name of Object.keys(this.#values)) {
      if (this.#read.has(name) || this.#notYet.has(name)) continue;
      const near = nearest(name, [...this.#read, ...this.#notYet]);
      this.fail(
        name,
        'is not a field here',
        near ? `did you mean "${near}"?` : `known: ${[...this.#read].sort().join(', ')}`,
      );
    }
  }

  /** @throws {ConfigError} when anything was wrong in this map or those below it. */
  check(what: string): void {
    if (this.errors.length > 0) throw new ConfigError(what, this.errors);
  }
}

/** A value as messages show it, cut to 60 characters. */
export function show(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** The candidate within a third of the length in edits, for "did you mean". */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
