import type { Kind } from '../config/kind.ts';
import { DEFAULT_NAMESPACE } from '../config/manifest.ts';
import { type Ask, asker, refusal } from './ask.ts';
import { type Command, EXIT, usageError } from './command.ts';
import { printErrors, readInput } from './input.ts';
import { completeKind, objectPath, readTarget, shortName } from './objects.ts';
import { CONNECTION_OPTIONS, FILE_OPTION, NAMESPACE_OPTION, OUTPUT_OPTION, textOf, textsOf } from './options.ts';
import { inOrder } from './order.ts';
import { print } from './output.ts';

interface Target {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
}

/** Removes config objects. */
export const deleteCommand: Command = {
  name: 'delete',
  summary: 'Delete config objects, by name or as files name them',
  usage: 'isthmus delete <kind> <name> [-n <namespace>] | isthmus delete -f <path>...',
  examples: [
    { command: 'isthmus delete virtualservice reviews', says: 'one, in the namespace "default"' },
    { command: 'isthmus delete -f mesh/', says: 'all that a folder names' },
  ],
  options: { ...FILE_OPTION, ...NAMESPACE_OPTION, ...OUTPUT_OPTION, ...CONNECTION_OPTIONS },
  positionals: { minimum: 0, maximum: 2 },
  complete: completeKind,
  async run({ values, positionals }, context) {
    const fromFiles = textsOf(values, 'file').length > 0;
    if (fromFiles === positionals.length > 0)
      throw usageError(deleteCommand, 'Name a kind and an object, or files with -f');
    const { objects, errors } = fromFiles
      ? await readInput(deleteCommand, values, context)
      : { objects: [], errors: [] };
    const targets: Target[] = fromFiles
      ? inOrder(objects)
          .toReversed()
          .map(({ manifest: { kind, namespace, name } }) => ({ kind, namespace, name }))
      : [namedTarget(positionals, textOf(values, 'namespace') ?? DEFAULT_NAMESPACE)];
    const ask = asker(values, context);
    const results: { kind: string; namespace: string; name: string; deleted: boolean }[] = [];
    printErrors(context, errors);
    for (const { kind, namespace, name } of targets) {
      const refused = await deleteOne(ask, { kind, namespace, name });
      if (refused !== undefined) context.stderr.write(`${refused}\n`);
      results.push({ kind: kind.kind, namespace, name, deleted: refused === undefined });
    }
    print(context, values, { results, errors }, () =>
      targets
        .map(({ kind, name }, index) => (results[index]!.deleted ? `${shortName(kind, name)} deleted\n` : ''))
        .join(''),
    );
    return errors.length === 0 && results.every(({ deleted }) => deleted) ? EXIT.ok : EXIT.failed;
  },
};

function namedTarget(positionals: readonly string[], namespace: string): Target {
  const { kind, name } = readTarget(deleteCommand, positionals);
  if (name === undefined) throw usageError(deleteCommand, `Which ${kind.singular}? Its name is missing`);
  return { kind, namespace, name };
}

/** Why it could not be deleted; undefined when it was. */
async function deleteOne(ask: Ask, { kind, namespace, name }: Target): Promise<string | undefined> {
  const answer = await ask({ method: 'DELETE', path: objectPath(kind, namespace, name) });
  return answer.status >= 400 ? refusal(answer).message : undefined;
}
