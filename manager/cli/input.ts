import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describeFileError, type FileContent, type FileError, type FileObject, readFile } from '../config/files.ts';
import { describeManifest } from '../config/manifest.ts';
import { messageOf } from '../model/util/errors.ts';
import { type Command, type CommandArguments, type CommandContext, CommandError, usageError } from './command.ts';
import { namespaceOf } from './objects.ts';
import { textsOf } from './options.ts';
import { tell } from './output.ts';
import { readText } from './read-text.ts';

/** Most files that are read of a folder. */
const MAXIMUM_FILES = 10_000;

/** What files hold. */
export interface Input extends FileContent {
  /** Those of the objects of whose name there are others: which of them is meant cannot be known. */
  readonly ambiguous: ReadonlySet<FileObject>;
}

/**
 * Reads what `--file` names; `-` is standard input, a folder all YAML and JSON files below it that are not hidden. Of objects of one
 * name the first counts.
 * @throws {CommandError}
 */
export async function readInput(
  command: Command,
  values: CommandArguments['values'],
  context: CommandContext,
): Promise<Input> {
  const paths = textsOf(values, 'file');
  if (paths.length === 0) throw usageError(command, '-f is missing: name a file, a folder, or - for standard input');
  const namespace = namespaceOf(command, values);
  const objects = new Map<string, FileObject>();
  const errors: FileError[] = [];
  const ambiguous = new Set<FileObject>();
  const read = new Set<string>();
  for (const path of paths) {
    const files = path === '-' ? ['-'] : await filesBelow(path, context.signal);
    if (files.length === 0) throw new CommandError(`There is no .yaml, .yml or .json file in ${path}`);
    for (const file of files.filter(name => !read.has(resolve(name)))) {
      read.add(resolve(file));
      const content = readFile(await textOfFile(file, context), file === '-' ? 'stdin' : file, namespace);
      errors.push(...content.errors);
      for (const object of content.objects) {
        const first = objects.get(nameOf(object));
        if (namespace !== undefined && object.manifest.namespace !== namespace)
          errors.push(isElsewhere(object, namespace));
        else if (first) {
          ambiguous.add(first);
          errors.push(isThere(object, first));
        } else objects.set(nameOf(object), object);
      }
    }
  }
  return { objects: [...objects.values()], errors, ambiguous };
}

function nameOf({ manifest }: FileObject): string {
  return describeManifest(manifest);
}

function isThere(object: FileObject, first: FileObject): FileError {
  const path = 'metadata.name';
  const message = `${nameOf(object)} is in ${first.locate('')} already`;
  return { where: object.locate(path), path, message, hint: 'keep one of the two' };
}

function isElsewhere({ manifest, locate }: FileObject, namespace: string): FileError {
  const path = 'metadata.namespace';
  const message = `is "${manifest.namespace}", and -n says "${namespace}"`;
  return { where: locate(path), path, message, hint: 'leave out one of the two' };
}

/** @throws {CommandError} */
function textOfFile(file: string, context: CommandContext): Promise<string> {
  return file === '-' ? context.stdin() : readText(file, context.signal);
}

/** @throws {CommandError} when it cannot be read, holds too many files, or the signal aborts. */
async function filesBelow(path: string, signal: AbortSignal): Promise<readonly string[]> {
  const files: string[] = [];
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const folders = [path];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      signal.throwIfAborted();
      for (const entry of await readdir(folder, { withFileTypes: true })) {
        if (entry.name.startsWith('.')) continue;
        if (entry.isDirectory()) folders.push(join(folder, entry.name));
        else if ((entry.isFile() || entry.isSymbolicLink()) && /\.(ya?ml|json)$/.test(entry.name))
          files.push(join(folder, entry.name));
      }
      if (files.length > MAXIMUM_FILES)
        throw new Error(`more than ${MAXIMUM_FILES} YAML and JSON files are below it; name a folder further down`);
    }
    return files.sort();
  } catch (error) {
    if (signal.aborted) throw new CommandError('Stopped', { cause: error });
    throw new CommandError(`Cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** Writes the errors of files, one a line. */
export function printErrors(context: CommandContext, errors: readonly FileError[]): void {
  for (const error of errors) tell(context, describeFileError(error));
}

/** The same of warnings. */
export function printWarnings(context: CommandContext, warnings: readonly FileError[]): void {
  printErrors(
    context,
    warnings.map(warning => ({ ...warning, where: `${warning.where}: warning` })),
  );
}
