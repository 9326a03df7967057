import { type Document, LineCounter, parseDocument, type YAMLError } from 'yaml';
import { ConfigError, type FieldError, messageOf } from './errors.ts';
import { Fields } from './fields.ts';
import { isNestedTooDeep, TOO_DEEP, YAML_TOO_DEEP } from './nesting.ts';

/**
 * Reads a YAML text of one document through `Fields`; an empty text is an empty map. Every field that `read` leaves unread is refused.
 * @param file how messages name it.
 * @throws {ConfigError} with every wrong field at its line.
 */
export function readYaml<T>(text: string, file: string, read: (fields: Fields) => T): T {
  if (text.includes('\0'))
    throw new ConfigError(file, [{ path: 'line 1', message: 'is no text: it has a byte 0', hint: 'save it as UTF-8' }]);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  // Errors after the first mostly follow from it.
  const [wrong] = document.errors;
  if (wrong)
    throw new ConfigError(file, [{ path: `line ${lines.linePos(wrong.pos[0]).line}`, message: whyNoYaml(wrong) }]);
  const fields = new Fields(
    plainOf(document, message => new ConfigError(file, [{ path: 'line 1', message }])) ?? {},
    '',
  );
  const value = attempt(fields.errors, () => read(fields));
  fields.unknown();
  if (fields.errors.length === 0) return value as T;
  throw new ConfigError(
    file,
    fields.errors.map(error => ({ ...error, path: `line ${lineOf(document, lines, error.path)}: ${error.path}` })),
  );
}

/** What a person is told of an error of a text that is to be one document: the package `yaml` has advice for who calls it. */
export function whyNoYaml({ code, message }: YAMLError): string {
  if (code === 'MULTIPLE_DOCS') return 'a second document begins, after "---": keep one in this file';
  return code === YAML_TOO_DEEP ? TOO_DEEP : message;
}

/**
 * What a document without errors says.
 * @param refused makes the error to throw of one whose aliases grow without measure, or that is nested without end.
 */
export function plainOf(document: Document, refused: (why: string) => Error): unknown {
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw refused(messageOf(error));
  }
  if (isNestedTooDeep(value)) throw refused(TOO_DEEP);
  return value;
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
