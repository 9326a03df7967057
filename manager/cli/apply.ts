import { describeManifest } from '../config/manifest.ts';
import { applyAll } from './apply-all.ts';
import { asker } from './ask.ts';
import { type Command, EXIT } from './command.ts';
import { printErrors, printWarnings, readInput } from './input.ts';
import { shortName } from './objects.ts';
import { CONNECTION_OPTIONS, FILE_OPTION, NAMESPACE_OPTION, OUTPUT_OPTION } from './options.ts';
import { inOrder } from './order.ts';
import { count, namesText, print, tell } from './output.ts';

/** Makes what files say so. */
export const applyCommand: Command = {
  name: 'apply',
  summary: 'Create or change config objects as files say',
  usage: 'isthmus apply -f <path>... [-n <namespace>] [--dry-run]',
  examples: [
    { command: 'isthmus apply -f reviews.yaml', says: 'one file, of one or more objects' },
    { command: 'isthmus apply -f mesh/ --dry-run', says: 'what a folder would do, checked by the Manager' },
    {
      command: 'isthmus get vs reviews -o yaml | sed "s/subset: v1/subset: v2/" | isthmus apply -f -',
      says: 'from standard input',
    },
  ],
  options: {
    ...FILE_OPTION,
    ...NAMESPACE_OPTION,
    'dry-run': { type: 'boolean', summary: 'check everything, change nothing' },
    ...OUTPUT_OPTION,
    ...CONNECTION_OPTIONS,
  },
  async run({ values }, context) {
    const { objects: read, errors, ambiguous } = await readInput(applyCommand, values, context);
    const objects = inOrder(read.filter(object => !ambiguous.has(object)));
    const dryRun = values['dry-run'] === true;
    const taken: string[] = [];
    const applied = await applyAll(asker(values, context), objects, errors.length > 0, dryRun, ({ manifest }) =>
      taken.push(describeManifest(manifest)),
    ).catch((error: unknown) => {
      if (!dryRun && taken.length > 0)
        tell(
          context,
          `isthmus apply: ended early: ${taken.length} of ${count(objects.length, 'object')} had been applied (${namesText(taken)}), and the next one perhaps; apply again for the others`,
        );
      throw error;
    });
    printErrors(context, errors);
    for (const { errors: refused, warnings } of applied) {
      printErrors(context, refused);
      printWarnings(context, warnings);
    }
    const isDry = dryRun ? ' (dry run)' : '';
    print(context, values, { applied, errors }, () =>
      applied
        .map(({ result }, index) => {
          const { kind, name } = objects[index]!.manifest;
          return `${shortName(kind, name)} ${result}${isDry}\n`;
        })
        .join(''),
    );
    const isFine = errors.length === 0 && applied.every(({ result }) => result !== 'refused');
    return isFine ? EXIT.ok : EXIT.failed;
  },
};
