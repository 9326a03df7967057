import { kindOf, kinds } from '../config/index.ts';
import type { Kind } from '../config/kind.ts';
import { DEFAULT_NAMESPACE, readManifest } from '../config/manifest.ts';
import { ConfigError } from '../model/util/errors.ts';
import { type Ask, asker, askFor, refusal } from './ask.ts';
import type { ManagerAnswer } from './client.ts';
import { type Command, type CommandArguments, type CommandContext, EXIT, usageError } from './command.ts';
import { printErrors, readInput } from './input.ts';
import { completeKind, namespaceOf, objectPath, readTarget, type ShownObject } from './objects.ts';
import { CONNECTION_OPTIONS, FILE_OPTION, NAMESPACE_OPTION, OUTPUT_OPTION, textsOf } from './options.ts';
import { ago, print, type Table, tell, yamlText } from './output.ts';

/** Shows config objects. */
export const getCommand: Command = {
  name: 'get',
  summary: 'Show config objects, by kind and name or as files name them',
  usage: 'isthmus get [<kind> [<name>] | -f <path>...] [-n <namespace>] [-o table|json|yaml]',
  examples: [
    { command: 'isthmus get', says: 'all objects of all kinds and namespaces' },
    { command: 'isthmus get vs -n shop', says: 'the VirtualServices of a namespace' },
    { command: 'isthmus get destinationrule reviews -o yaml', says: 'one, as it can be changed and applied again' },
    { command: 'isthmus get -f mesh/ -o yaml', says: 'what the Manager holds of all that a folder names' },
  ],
  options: { ...FILE_OPTION, ...NAMESPACE_OPTION, ...OUTPUT_OPTION, ...CONNECTION_OPTIONS },
  positionals: { minimum: 0, maximum: 2 },
  complete: completeKind,
  async run({ values, positionals }, context) {
    const ask = asker(values, context);
    if (textsOf(values, 'file').length > 0) {
      if (positionals.length > 0) throw usageError(getCommand, 'Name a kind, or files with -f, not both');
      return getNamed(ask, values, context);
    }
    const namespace = namespaceOf(getCommand, values);
    const target = positionals.length === 0 ? undefined : readTarget(getCommand, positionals);
    if (target?.name !== undefined) {
      const path = objectPath(target.kind, namespace ?? DEFAULT_NAMESPACE, target.name);
      const object = plain(await askFor<ShownObject>(ask, { path }));
      print(context, values, object, () => tableOf([object]));
      return EXIT.ok;
    }
    const { objects, damaged } = await listAll(ask, target ? [target.kind] : kinds, namespace);
    printAll(context, values, objects);
    for (const why of damaged) tell(context, why);
    return damaged.length === 0 ? EXIT.ok : EXIT.failed;
  },
};

/** The objects that files name, in their order; what is not there is said, and the others are shown all the same. */
async function getNamed(ask: Ask, values: CommandArguments['values'], context: CommandContext): Promise<number> {
  const { objects: named, errors } = await readInput(getCommand, values, context);
  const answers: ManagerAnswer[] = [];
  for (const { manifest } of named)
    answers.push(
      await ask({ path: objectPath(manifest.kind, manifest.namespace, manifest.name, manifest.apiVersion) }),
    );
  const refused = answers.filter(({ status }) => status >= 400);
  printErrors(context, errors);
  for (const answer of refused) tell(context, refusal(answer).message);
  const found = answers.flatMap(({ status, body }) => (status >= 400 ? [] : [plain(body as ShownObject)]));
  const isFine = errors.length === 0 && refused.length === 0;
  // As kubectl: of a file with one object, that object and no list of it.
  const [only] = found;
  if (only !== undefined && isFine && found.length === 1) print(context, values, only, () => tableOf(found));
  else if (isFine || found.length > 0 || values['output'] !== 'table') printAll(context, values, found);
  return isFine ? EXIT.ok : EXIT.failed;
}

function printAll(context: CommandContext, values: CommandArguments['values'], objects: readonly ShownObject[]): void {
  if (values['output'] === 'yaml' && objects.length > 0) context.stdout.write(objects.map(yamlText).join('---\n'));
  else print(context, values, { apiVersion: 'v1', kind: 'List', items: objects }, () => tableOf(objects));
}

/** All objects that can be read, and what is said of the others. */
async function listAll(
  ask: Ask,
  of: readonly Kind[],
  namespace: string | undefined,
): Promise<{ readonly objects: readonly ShownObject[]; readonly damaged: readonly string[] }> {
  const answers = await Promise.all(of.map(kind => ask({ path: objectPath(kind, namespace) })));
  const refused = answers.find(({ status }) => status >= 400);
  if (refused) throw refusal(refused);
  return {
    objects: answers.flatMap(({ body }) => (body as { readonly items: readonly ShownObject[] }).items.map(plain)),
    damaged: answers.flatMap(({ warnings }) => warnings),
  };
}

/** Without who owns which field, which is for programs. */
function plain({ metadata: { managedFields: _managed, ...metadata }, ...object }: ShownObject): ShownObject {
  return { ...object, metadata };
}

function tableOf(objects: readonly ShownObject[]): Table {
  return {
    head: ['KIND', 'NAMESPACE', 'NAME', 'SAYS', 'AGE'],
    rows: objects.map(object => [
      object.kind,
      object.metadata.namespace,
      object.metadata.name,
      describe(object),
      ago(Date.parse(object.metadata.creationTimestamp ?? '')),
    ]),
    empty: 'There are no such objects. Try: isthmus apply -f <file>',
  };
}

function describe({ apiVersion, kind, metadata: { name, namespace }, spec }: ShownObject): string {
  try {
    const { parsed } = readManifest({ apiVersion, kind, metadata: { name, namespace }, spec });
    return kindOf(apiVersion, kind)?.describe(parsed) ?? '';
  } catch (error) {
    // Another version of the Manager took it.
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}
