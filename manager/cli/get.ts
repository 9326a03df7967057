import { stringify } from 'yaml';
import { kindOf, kinds } from '../config/index.ts';
import type { Kind } from '../config/kind.ts';
import { DEFAULT_NAMESPACE, readManifest } from '../config/manifest.ts';
import { ConfigError } from '../model/util/errors.ts';
import { type Ask, asker, askFor } from './ask.ts';
import { type Command, EXIT } from './command.ts';
import { completeKind, objectPath, readTarget, type ShownObject } from './objects.ts';
import { CONNECTION_OPTIONS, NAMESPACE_OPTION, OUTPUT_OPTION, textOf } from './options.ts';
import { ago, print, type Table } from './output.ts';

/** Shows config objects. */
export const getCommand: Command = {
  name: 'get',
  summary: 'Show config objects',
  usage: 'isthmus get [<kind> [<name>]] [-n <namespace>] [-o table|json|yaml]',
  examples: [
    { command: 'isthmus get', says: 'all objects of all kinds and namespaces' },
    { command: 'isthmus get vs -n shop', says: 'the VirtualServices of a namespace' },
    { command: 'isthmus get destinationrule reviews -o yaml', says: 'one, as it can be changed and applied again' },
  ],
  options: { ...NAMESPACE_OPTION, ...OUTPUT_OPTION, ...CONNECTION_OPTIONS },
  positionals: { minimum: 0, maximum: 2 },
  complete: completeKind,
  async run({ values, positionals }, context) {
    const ask = asker(values, context);
    const namespace = textOf(values, 'namespace');
    const target = positionals.length === 0 ? undefined : readTarget(getCommand, positionals);
    if (target?.name !== undefined) {
      const path = objectPath(target.kind, namespace ?? DEFAULT_NAMESPACE, target.name);
      const object = plain(await askFor<ShownObject>(ask, { path }));
      print(context, values, object, () => tableOf([object]));
      return EXIT.ok;
    }
    const objects = await listAll(ask, target ? [target.kind] : kinds, namespace);
    if (values['output'] === 'yaml' && objects.length > 0)
      context.stdout.write(objects.map(object => stringify(object, { lineWidth: 0 })).join('---\n'));
    else print(context, values, { apiVersion: 'v1', kind: 'List', items: objects }, () => tableOf(objects));
    return EXIT.ok;
  },
};

async function listAll(ask: Ask, of: readonly Kind[], namespace: string | undefined): Promise<readonly ShownObject[]> {
  const lists = await Promise.all(
    of.map(kind => askFor<{ readonly items: readonly ShownObject[] }>(ask, { path: objectPath(kind, namespace) })),
  );
  return lists.flatMap(({ items }) => items.map(plain));
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
