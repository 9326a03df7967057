import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type YAMLError,
} from 'yaml';
import { ConfigError, describeFieldError, type FieldError, messageOf } from '../model/util/errors.ts';
import { isRecord } from '../model/util/fields.ts';
import { TOO_DEEP, YAML_TOO_DEEP } from '../model/util/nesting.ts';
import { plainOf } from '../model/util/yaml.ts';
import { type Manifest, readManifest } from './manifest.ts';

/** An object of a file, and where in the file it and its fields stand. */
export interface FileObject {
  readonly manifest: Manifest;
  /** The document as it was read. */
  readonly document: unknown;
  /** `file:line:column` of a field, or of the nearest field around it that is there. */
  readonly locate: (path: string) => string;
}

/** An error of a file. */
export interface FileError extends FieldError {
  /** `file:line:column`. */
  readonly where: string;
}

/** What a file holds: the right objects, and what is wrong with the others. */
export interface FileContent {
  readonly objects: readonly FileObject[];
  readonly errors: readonly FileError[];
}

/** `reviews.yaml:12:7: spec.http[0].timeout: must be a duration, not 5; try "5s"`. */
export function describeFileError(error: FileError): string {
  return `${error.where}: ${error.path === '' ? error.message : describeFieldError(error)}`;
}

/**
 * Reads the objects of a YAML or JSON file of one or more documents, each an object or a `List` of them.
 * @param file its name, for messages.
 */
export function readFile(text: string, file: string, defaultNamespace?: string): FileContent {
  if (text.includes('\0'))
    return {
      objects: [],
      errors: [{ where: `${file}:1:1`, path: '', message: 'this is no text: it has a byte 0; save it as UTF-8' }],
    };
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines });
  const objects: FileObject[] = [];
  const errors: FileError[] = [];
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  for (const document of Array.isArray(documents) ? documents : []) {
    // Errors after the first mostly follow from it.
    const [wrong] = document.errors;
    if (wrong) errors.push({ where: at(wrong.pos[0]), path: '', message: messageOfYaml(wrong, text) });
    else if (document.contents !== null) readDocument(document, at, defaultNamespace, objects, errors);
  }
  if (objects.length === 0 && errors.length === 0)
    errors.push({ where: `${file}:1:1`, path: '', message: 'there is no object in this file' });
  return { objects, errors };
}

function messageOfYaml({ code, message, pos: [at] }: YAMLError, text: string): string {
  if (code === YAML_TOO_DEEP) return TOO_DEEP;
  const said = (message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');
  if (code !== 'DUPLICATE_KEY') return said;
  const [key = ''] = /^[^:\s]+/.exec(text.slice(at, at + 100)) ?? [];
  const isOutermost = at === 0 || text[at - 1] === '\n';
  return `${said}: ${key} is there twice${isOutermost ? '; is a line of --- missing between two objects?' : ''}`;
}

function readDocument(
  document: Document.Parsed,
  at: (offset: number) => string,
  defaultNamespace: string | undefined,
  objects: FileObject[],
  errors: FileError[],
): void {
  let value: unknown;
  try {
    value = plainOf(document, why => new Error(why));
  } catch (error) {
    errors.push({ where: at(document.range[0]), path: '', message: messageOf(error) });
    return;
  }
  // A document of comments alone, or `---` twice.
  if (value === null) return;
  const isList = isRecord(value) && value['kind'] === 'List' && Array.isArray(value['items']);
  const items: readonly unknown[] = isList ? (value as { items: unknown[] }).items : [value];
  for (const [index, item] of items.entries()) {
    const prefix = isList ? `items[${index}].` : '';
    const offset = (path: string): number => offsetOf(document, `${prefix}${path}`);
    try {
      objects.push({
        manifest: readManifest(item, defaultNamespace),
        document: item,
        locate: path => at(offset(path)),
      });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const inOrder = error.errors.toSorted((a, b) => offset(a.path) - offset(b.path));
      for (const wrong of inOrder) errors.push({ ...wrong, where: at(offset(wrong.path)) });
    }
  }
}

/** Where a field's name begins, or an entry of a list; for a field that is missing, where the map begins that lacks it. */
function offsetOf(document: Document.Parsed, path: string): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0] ?? document.range[0];
  let rest = path;
  while (rest !== '') {
    if (isAlias(node)) node = node.resolve(document);
    if (!isCollection(node)) break;
    const step = stepInto(node, rest);
    if (!step) break;
    ({ offset, node, rest } = step);
  }
  return offset;
}

interface Step {
  readonly offset: number;
  readonly node: unknown;
  readonly rest: string;
}

function stepInto(node: Node, path: string): Step | undefined {
  if (isSeq(node)) {
    const [whole, index] = /^\[(\d+)\]\.?/.exec(path) ?? [];
    const entry = index === undefined ? undefined : node.items[Number(index)];
    if (whole === undefined || !isNode(entry)) return undefined;
    return { offset: entry.range?.[0] ?? 0, node: entry, rest: path.slice(whole.length) };
  }
  if (!isMap(node)) return undefined;
  // Names may have dots in them (labels), so the longest name that fits is taken.
  let best: Step | undefined;
  let bestLength = -1;
  for (const pair of node.items) {
    if (!isPair(pair) || !isNode(pair.key)) continue;
    const name = String(pair.key);
    const next = path[name.length];
    if (name.length <= bestLength || !path.startsWith(name) || (next !== undefined && next !== '.' && next !== '['))
      continue;
    bestLength = name.length;
    best = { offset: pair.key.range?.[0] ?? 0, node: pair.value, rest: path.slice(name.length).replace(/^\./, '') };
  }
  return best;
}
