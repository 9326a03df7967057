import type { FileError, FileObject } from '../config/files.ts';
import { configObjectOf, describeManifest } from '../config/manifest.ts';
import { checkReferences } from '../config/references.ts';
import { type Command, EXIT } from './command.ts';
import { printErrors, printWarnings, readInput } from './input.ts';
import { FILE_OPTION, NAMESPACE_OPTION, OUTPUT_OPTION } from './options.ts';
import { count, print } from './output.ts';

/** Checks files without a Manager. */
export const validateCommand: Command = {
  name: 'validate',
  summary: 'Check config files, without a Manager',
  usage: 'isthmus validate -f <path>... [-o json]',
  examples: [
    { command: 'isthmus validate -f reviews.yaml', says: 'every error of a file, with its line' },
    { command: 'isthmus validate -f mesh/ -o json', says: 'all files of a folder, for a script' },
    { command: 'git show HEAD:reviews.yaml | isthmus validate -f -', says: 'what is committed' },
  ],
  options: { ...FILE_OPTION, ...NAMESPACE_OPTION, ...OUTPUT_OPTION },
  async run({ values }, context) {
    const { objects, errors } = await readInput(validateCommand, values, context);
    const warnings = warningsOf(objects);
    const names = objects.map(({ manifest }) => describeManifest(manifest));
    if (values['output'] === 'table') {
      printErrors(context, errors);
      printWarnings(context, warnings);
    }
    print(context, values, { objects: names, errors, warnings }, () =>
      errors.length === 0
        ? `${count(objects.length, 'object')} right\n`
        : `${count(objects.length, 'object')} right, ${count(errors.length, 'error')}\n`,
    );
    return errors.length === 0 ? EXIT.ok : EXIT.failed;
  },
};

/** What the objects of the files say of each other; services cannot be known here, nor rules that are elsewhere. */
function warningsOf(objects: readonly FileObject[]): readonly FileError[] {
  const located = objects.map(({ manifest, locate }) => ({ object: configObjectOf(manifest), locate }));
  const warnings = checkReferences(
    located.map(({ object }) => object),
    undefined,
  );
  return warnings.map(({ kind, namespace, name, ...warning }) => {
    const found = located.find(
      ({ object }) => object.kind === kind && object.metadata.namespace === namespace && object.metadata.name === name,
    );
    return { ...warning, where: found?.locate(warning.path) ?? '' };
  });
}
