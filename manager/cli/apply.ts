import type { FileObject } from '../config/files.ts';
import { describeFieldError } from '../model/util/errors.ts';
import { type Ask, asker, causesOf, refusal } from './ask.ts';
import type { ManagerAnswer } from './client.ts';
import { type Command, EXIT } from './command.ts';
import { printErrors, readInput } from './input.ts';
import { objectPath, type ShownObject, shortName } from './objects.ts';
import { CONNECTION_OPTIONS, FILE_OPTION, NAMESPACE_OPTION, OUTPUT_OPTION } from './options.ts';
import { inOrder, refers, subsetsOf, widened } from './order.ts';
import { print } from './output.ts';

/** What became of one object. */
interface Applied {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly result: 'created' | 'configured' | 'unchanged' | 'refused';
  /** With the file and the line of each field. */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

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
    const { objects: read, errors } = await readInput(applyCommand, values, context);
    const objects = inOrder(read);
    const applied = await applyAll(asker(values, context), objects, values['dry-run'] === true);
    printErrors(context, errors);
    for (const { errors: refused, warnings } of applied) {
      for (const line of refused) context.stderr.write(`${line}\n`);
      for (const line of warnings) context.stderr.write(`${line}\n`);
    }
    const isDry = values['dry-run'] === true ? ' (dry run)' : '';
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

/** One by one. A rule that drops subsets loses them only when the routes of the same input are applied. */
async function applyAll(ask: Ask, objects: readonly FileObject[], dryRun: boolean): Promise<readonly Applied[]> {
  const applied: Applied[] = [];
  const narrow: (() => Promise<void>)[] = [];
  for (const [index, object] of objects.entries()) {
    const before = await ask({ path: pathOf(object) });
    const wide = dryRun || !objects.some(refers) ? undefined : await widen(ask, object, before);
    const one = await applyOne(ask, wide ?? object, before, dryRun);
    applied.push(one);
    if (wide !== undefined && one.result !== 'refused')
      narrow.push(async () => {
        applied[index] = await applyOne(ask, object, before, dryRun);
      });
  }
  if (narrow.length === 0) return applied;
  for (const step of narrow) await step();
  return await warnedAnew(ask, objects, applied);
}

/** A rule with the subsets that it drops; undefined when it drops none, or is refused anyway. */
async function widen(ask: Ask, object: FileObject, before: ManagerAnswer): Promise<FileObject | undefined> {
  if (subsetsOf(before.body).length === 0) return undefined;
  const after = await patch(ask, object, true);
  const document = after.status >= 400 ? undefined : widened(object.document, before.body, after.body);
  return document === undefined ? undefined : { ...object, document };
}

/** What routes are warned of now that rules have lost subsets; applied again, they stay as they are. */
async function warnedAnew(
  ask: Ask,
  objects: readonly FileObject[],
  applied: readonly Applied[],
): Promise<readonly Applied[]> {
  const anew: Applied[] = [];
  for (const [index, one] of applied.entries()) {
    const object = objects[index]!;
    const isAsked = refers(object) && one.result !== 'refused';
    anew.push(isAsked ? { ...one, warnings: warningsOf(await patch(ask, object, false), object) } : one);
  }
  return anew;
}

function pathOf({ manifest: { kind, namespace, name, apiVersion } }: FileObject): string {
  return objectPath(kind, namespace, name, apiVersion);
}

async function applyOne(ask: Ask, object: FileObject, before: ManagerAnswer, dryRun: boolean): Promise<Applied> {
  const { manifest, locate } = object;
  const { kind, namespace, name } = manifest;
  const answer = await patch(ask, object, dryRun);
  const ref = { kind: kind.kind, namespace, name };
  const warnings = warningsOf(answer, object);
  if (answer.status >= 400) {
    const causes = causesOf(answer).map(
      ({ field, message }) => `${locate(field)}: ${describeFieldError({ path: field, message })}`,
    );
    return {
      ...ref,
      result: 'refused',
      errors: causes.length > 0 ? causes : [`${locate('')}: ${refusal(answer).message}`],
      warnings,
    };
  }
  return { ...ref, result: resultOf(answer.status, before.body, answer.body, dryRun), errors: [], warnings };
}

function patch(ask: Ask, object: FileObject, dryRun: boolean): Promise<ManagerAnswer> {
  return ask({
    method: 'PATCH',
    path: `${pathOf(object)}?fieldManager=isthmus&force=true${dryRun ? '&dryRun=All' : ''}`,
    body: withNamespace(object.document, object.manifest.namespace),
    contentType: 'application/apply-patch+yaml',
  });
}

function warningsOf({ warnings }: ManagerAnswer, { locate }: FileObject): readonly string[] {
  return warnings.map(warning => {
    const field = /^(\S+): /.exec(warning)?.[1];
    return `${locate(field ?? '')}: warning: ${warning}`;
  });
}

/** A namespace that only the command line names. */
function withNamespace(document: unknown, namespace: string): unknown {
  const { metadata, ...rest } = document as { metadata: object };
  return { ...rest, metadata: { ...metadata, namespace } };
}

function resultOf(status: number, before: unknown, after: unknown, dryRun: boolean): Applied['result'] {
  if (status === 201) return 'created';
  const [old, now] = [before as ShownObject, after as ShownObject];
  // A dry run that would change something answers without a revision.
  if (dryRun) return now.metadata.resourceVersion === undefined ? 'configured' : 'unchanged';
  return old.metadata?.resourceVersion === now.metadata.resourceVersion ? 'unchanged' : 'configured';
}
