import { type Document, LineCounter, parseDocument, type YAMLError } from 'yaml';
import { ConfigError, type FieldError, messageOf } from './errors.ts';
import { Fields } from './fields.ts';
import { isNestedTooDeep, TOO_DEEP, YAML_TOO_DEEP } from './nesting.ts';

/** A text that is one YAML document, which knows the line of each field. */
export class YamlText {
  /** What it says; null when it is empty. */
  readonly value: unknown;
  readonly #document: Document;
  readonly #lines = new LineCounter();

  /** @param refused makes the error to throw of a text that is no such document. */
  constructor(text: string, refused: (line: number, why: string) => Error) {
    if (text.includes('\0')) throw refused(1, 'is no text: it has a byte 0; save it as UTF-8');
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    // Errors after the first mostly follow from it.
    const [wrong] = this.#document.errors;
    if (wrong) throw refused(this.#lines.linePos(wrong.pos[0]).line, whyNoYaml(wrong));
    this.value = plainOf(this.#document, why => refused(1, why));
  }

  /** The line of a field such as `registries[0].server`, or of the nearest thing around it that is there. */
  lineOf(path: string): number {
    const steps = path.split(/[.[\]]+/).filter(step => step !== '');
    for (let depth = steps.length; depth >= 0; depth -= 1) {
      const keys = steps.slice(0, depth).map(step => (/^\d+$/.test(step) ? Number(step) : step));
      const node = this.#document.getIn(keys, true) as { range?: readonly number[] | null } | null | undefined;
      const start = node?.range?.[0];
      if (start !== undefined) return this.#lines.linePos(start).line;
    }
    return 1;
  }
}

/**
 * Reads a YAML text of one document through `Fields`; an empty text is an empty map. Every field that `read` leaves unread is refused.
 * @param file how messages name it.
 * @throws {ConfigError} with every wrong field at its line.
 */
export function readYaml<T>(text: string, file: string, read: (fields: Fields) => T): T {
  const source = new YamlText(text, (line, message) => new ConfigError(file, [{ path: `line ${line}`, message }]));
  const fields = new Fields(source.value ?? {}, '');
  const value = attempt(fields.errors, () => read(fields));
  fields.unknown();
  if (fields.errors.length === 0) return value as T;
  throw new ConfigError(
    file,
    fields.errors.map(error => ({ ...error, path: `line ${source.lineOf(error.path)}: ${error.path}` })),
  );
}

/** What a person is told of an error of a text that is to be one document: the package `yaml` has advice for who calls it. */
function whyNoYaml({ code, message }: YAMLError): string {
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
