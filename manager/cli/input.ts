import { readdir, readFile as readText, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { describeFileError, type FileContent, type FileError, type FileObject, readFile } from '../config/files.ts';
import { describeManifest } from '../config/manifest.ts';
import { messageOf } from '../model/util/errors.ts';
import { type Command, type CommandArguments, type CommandContext, CommandError, usageError } from './command.ts';
import { namespaceOf } from './objects.ts';
import { textsOf } from './options.ts';

/**
 * Reads what `--file` names; `-` is standard input, a folder all YAML and JSON files below it that are not hidden. Of objects of one
 * name the first counts.
 * @throws {CommandError}
 */
export async function readInput(
  command: Command,
  values: CommandArguments['values'],
  context: CommandContext,
): Promise<FileContent> {
  const paths = textsOf(values, 'file');
  if (paths.length === 0) throw usageError(command, '-f is missing: name a file, a folder, or - for standard input');
  const namespace = namespaceOf(command, values);
  const objects = new Map<string, FileObject>();
  const errors: FileError[] = [];
  const read = new Set<string>();
  for (const path of paths) {
    const files = path === '-' ? ['-'] : await filesBelow(path);
    if (files.length === 0) throw new CommandError(`There is no .yaml, .yml or .json file in ${path}`);
    for (const file of files.filter(name => !read.has(resolve(name)))) {
      read.add(resolve(file));
      const content = readFile(await textOfFile(file, context), file === '-' ? 'stdin' : file, namespace);
      errors.push(...content.errors);
      for (const object of content.objects) {
        const first = objects.get(nameOf(object));
        if (namespace !== undefined && object.manifest.namespace !== namespace)
          errors.push(isElsewhere(object, namespace));
        else if (first) errors.push(isThere(object, first));
        else objects.set(nameOf(object), object);
      }
    }
  }
  return { objects: [...objects.values()], errors };
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

async function textOfFile(file: string, context: CommandContext): Promise<string> {
  try {
    return file === '-' ? await context.stdin() : await readText(file, 'utf8');
  } catch (error) {
    throw new CommandError(`Cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
}

async function filesBelow(path: string): Promise<readonly string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const entries = await readdir(path, { recursive: true, withFileTypes: true });
    return entries
      .filter(entry => (entry.isFile() || entry.isSymbolicLink()) && /\.(ya?ml|json)$/.test(entry.name))
      .map(entry => relative(path, join(entry.parentPath, entry.name)))
      .filter(file => !file.split(sep).some(part => part.startsWith('.')))
      .map(file => join(path, file))
      .sort();
  } catch (error) {
    throw new CommandError(`Cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** Writes the errors of files, one a line. */
export function printErrors(context: CommandContext, errors: readonly FileError[]): void {
  for (const error of errors) context.stderr.write(`${describeFileError(error)}\n`);
}
