import { DEFAULT_NAMESPACE, describeManifest, type Manifest } from '../config/manifest.ts';
import { type Ask, asker, refusal } from './ask.ts';
import type { ManagerAnswer } from './client.ts';
import { type Command, EXIT, usageError } from './command.ts';
import { printErrors, readInput } from './input.ts';
import { completeKind, namespaceOf, objectPath, readTarget, shortName } from './objects.ts';
import { CONNECTION_OPTIONS, FILE_OPTION, NAMESPACE_OPTION, OUTPUT_OPTION, textsOf } from './options.ts';
import { inOrder, isReferredTo, refers } from './order.ts';
import { print, tell } from './output.ts';

interface Target {
  readonly manifest: Pick<Manifest, 'kind' | 'namespace' | 'name'>;
}

/** What became of one object. */
interface Deleted {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly deleted: boolean;
  /** Why it is not. */
  readonly error?: { readonly message: string };
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
    const targets: readonly Target[] = fromFiles
      ? inOrder(objects).toReversed()
      : [namedTarget(positionals, namespaceOf(deleteCommand, values) ?? DEFAULT_NAMESPACE)];
    const ask = asker(values, context);
    const results: Deleted[] = [];
    printErrors(context, errors);
    let mayRoutesStay = errors.length > 0;
    for (const target of targets) {
      const { kind, namespace, name } = target.manifest;
      const answer = mayRoutesStay && isReferredTo(target) ? undefined : await deleteOne(ask, target);
      const deleted = answer !== undefined && answer.status < 400;
      const message = answer ? refusal(answer).message : stays(target);
      if (!deleted) tell(context, message);
      if (!deleted && answer?.status !== 404) mayRoutesStay ||= refers(target);
      results.push({ kind: kind.kind, namespace, name, deleted, ...(deleted ? {} : { error: { message } }) });
    }
    print(context, values, { results, errors }, () =>
      targets
        .map(({ manifest: { kind, name } }, index) =>
          results[index]!.deleted ? `${shortName(kind, name)} deleted\n` : '',
        )
        .join(''),
    );
    return errors.length === 0 && results.every(({ deleted }) => deleted) ? EXIT.ok : EXIT.failed;
  },
};

function namedTarget(positionals: readonly string[], namespace: string): Target {
  const { kind, name } = readTarget(deleteCommand, positionals);
  if (name === undefined) throw usageError(deleteCommand, `Which ${kind.singular}? Its name is missing`);
  return { manifest: { kind, namespace, name } };
}

function deleteOne(ask: Ask, { manifest: { kind, namespace, name } }: Target): Promise<ManagerAnswer> {
  return ask({ method: 'DELETE', path: objectPath(kind, namespace, name) });
}

function stays({ manifest }: Target): string {
  const object = describeManifest(manifest);
  return `${object} stays: a part of this input was not deleted, and may route to its subsets; mend it and delete again`;
}
