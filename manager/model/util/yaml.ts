import { type Document, LineCounter, parseDocument } from 'yaml';
import { ConfigError, type FieldError } from './errors.ts';
import { Fields } from './fields.ts';

/**
 * Reads a YAML text of one document through `Fields`; an empty text is an empty map. Every field that `read` leaves unread is refused.
 * @param file how messages name it.
 * @throws {ConfigError} with every wrong field at its line.
 */
export function readYaml<T>(text: string, file: string, read: (fields: Fields) => T): T {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0)
    throw new ConfigError(
      file,
      document.errors.map(({ pos, message }) => ({ path: `line ${lines.linePos(pos[0]).line}`, message })),
    );
  const fields = new Fields(document.toJS() ?? {}, '');
  const value = attempt(fields.errors, () => read(fields));
  fields.unknown();
  if (fields.errors.length === 0) return value as T;
  throw new ConfigError(
    file,
    fields.errors.map(error => ({ ...error, path: `line ${lineOf(document, lines, error.path)}: ${error.path}` })),
  );
}

/** Readers of parts throw what they found; here it joins the rest, so that a person sees all of it at once. */
function attempt<T>(errors: FieldError[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const one of error.errors) if (!errors.includes(one)) errors.push(one);
    return undefined;
  }
}

/** The line of a field such as `registries[0].server`, or of the nearest thing around it that is there. */
export function lineOf(document: Document, lines: LineCounter, path: string): number {
  const steps = path.split(/[.[\]]+/).filter(step => step !== '');
  for (let depth = steps.length; depth >= 0; depth -= 1) {
    const keys = steps.slice(0, depth).map(step => (/^\d+$/.test(step) ? Number(step) : step));
    const node = document.getIn(keys, true) as { range?: readonly number[] | null } | null | undefined;
    const start = node?.range?.[0];
    if (start !== undefined) return lines.linePos(start).line;
  }
  return 1;
}
