import type { FileError, FileObject } from '../config/files.ts';
import { describeManifest } from '../config/manifest.ts';
import { type Ask, causesOf, refusal } from './ask.ts';
import type { ManagerAnswer } from './client.ts';
import { objectPath, type ShownObject } from './objects.ts';
import { refers, subsetsOf, type Widened, widened } from './order.ts';

/** What became of one object. */
export interface Applied {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly result: 'created' | 'configured' | 'unchanged' | 'refused';
  readonly errors: readonly FileError[];
  readonly warnings: readonly FileError[];
}

/** An object under way. */
interface Step {
  readonly object: FileObject;
  /** What the Manager held before. */
  readonly before: ManagerAnswer;
  /** What the Manager said to it. */
  answer: ManagerAnswer;
  /** Names of the subsets that the Manager keeps though the rule drops them. */
  kept: readonly string[];
}

/**
 * Applies objects one by one, what others refer to first. A rule that drops subsets keeps them until the routes of the same input are
 * applied, and for good when some of those are not.
 * @param isPart whether some of the input could not be read: it may be routes.
 * @param onTaken is told of each object that was applied, as what follows may fail.
 */
export async function applyAll(
  ask: Ask,
  objects: readonly FileObject[],
  isPart: boolean,
  dryRun: boolean,
  onTaken: (object: FileObject) => void = () => {},
): Promise<readonly Applied[]> {
  const widens = !dryRun && (isPart || objects.some(refers));
  const steps: Step[] = [];
  for (const object of objects) {
    const step = await begin(ask, object, widens, dryRun);
    steps.push(step);
    if (isTaken(step.answer)) onTaken(object);
  }
  const areApplied = !isPart && steps.every(({ object, answer }) => !refers(object) || isTaken(answer));
  const wide = steps.filter(({ kept }) => kept.length > 0);
  if (areApplied && wide.length > 0) await narrow(ask, steps, wide);
  return steps.map(step => appliedOf(step, dryRun));
}

async function begin(ask: Ask, object: FileObject, widens: boolean, dryRun: boolean): Promise<Step> {
  const before = await ask({ path: pathOf(object) });
  const wide = widens ? await widen(ask, object, before) : undefined;
  const answer = await patch(ask, wide ? { ...object, document: wide.document } : object, dryRun);
  return { object, before, answer, kept: isTaken(answer) ? (wide?.kept ?? []) : [] };
}

/** Undefined when the rule drops no subsets, or is refused anyway. */
async function widen(ask: Ask, object: FileObject, before: ManagerAnswer): Promise<Widened | undefined> {
  if (subsetsOf(before.body).length === 0) return undefined;
  const after = await patch(ask, object, true);
  return isTaken(after) ? widened(object.document, before.body, after.body) : undefined;
}

/** Takes from rules the subsets that they drop; what routes are warned of then, a dry run tells. */
async function narrow(ask: Ask, steps: readonly Step[], wide: readonly Step[]): Promise<void> {
  for (const step of wide) {
    step.answer = await patch(ask, atRevision(step.object, step.answer), false);
    if (isTaken(step.answer)) step.kept = [];
  }
  for (const step of steps.filter(({ object }) => refers(object))) {
    const { warnings } = await patch(ask, atRevision(step.object, step.answer), true);
    step.answer = { ...step.answer, warnings };
  }
}

/** An object that names a revision, with the one that it was applied at. */
function atRevision(object: FileObject, { body }: ManagerAnswer): FileObject {
  const document = object.document as { readonly metadata: object };
  if (!('resourceVersion' in document.metadata)) return object;
  const { resourceVersion } = (body as ShownObject).metadata;
  return { ...object, document: { ...document, metadata: { ...document.metadata, resourceVersion } } };
}

function isTaken({ status }: ManagerAnswer): boolean {
  return status < 400;
}

function pathOf({ manifest: { kind, namespace, name, apiVersion } }: FileObject): string {
  return objectPath(kind, namespace, name, apiVersion);
}

function appliedOf({ object, before, answer, kept }: Step, dryRun: boolean): Applied {
  const { manifest, locate } = object;
  const { kind, namespace, name } = manifest;
  const ref = { kind: kind.kind, namespace, name };
  const warnings = warningsOf(answer, object);
  if (kept.length > 0) warnings.push(keeps(object, kept));
  if (isTaken(answer)) {
    return { ...ref, result: resultOf(answer.status, before.body, answer.body, dryRun), errors: [], warnings };
  }
  const causes = causesOf(answer).map(({ field, message }) => ({ where: locate(field), path: field, message }));
  const whole = { where: locate(''), path: '', message: refusal(answer).message };
  return { ...ref, result: 'refused', errors: causes.length > 0 ? causes : [whole], warnings };
}

function keeps({ manifest, locate }: FileObject, kept: readonly string[]): FileError {
  const path = 'spec.subsets';
  const [names, stay, them] = kept.length === 1 ? [kept, 'stays', 'it'] : [kept, 'stay', 'them'];
  const message = `${names.map(name => `"${name}"`).join(', ')} ${stay} in ${describeManifest(manifest)}: a part of this input was not applied, and may route to ${them}; mend it and apply again`;
  return { where: locate(path), path, message };
}

function patch(ask: Ask, object: FileObject, dryRun: boolean): Promise<ManagerAnswer> {
  return ask({
    method: 'PATCH',
    path: `${pathOf(object)}?fieldManager=isthmus&force=true${dryRun ? '&dryRun=All' : ''}`,
    body: withNamespace(object.document, object.manifest.namespace),
    contentType: 'application/apply-patch+yaml',
  });
}

function warningsOf({ warnings }: ManagerAnswer, { locate }: FileObject): FileError[] {
  return warnings.map(warning => {
    const [head = '', path = ''] = /^(\S+): /.exec(warning) ?? [];
    return { where: locate(path), path, message: warning.slice(head.length) };
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
