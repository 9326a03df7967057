import type { Logger } from '../manager/model/util/log.ts';
import { type LocalWorkload, userOf } from '../platforms/platform.ts';
import type { Problem } from './compile/input.ts';
import type { Member } from './members.ts';
import { PORTS } from './redirect/spec.ts';

const NO_PORT =
  `no port of ${PORTS.firstListener}-${PORTS.lastListener} is free, and each workload that is a user of the host needs one; ` +
  'it is not in the mesh: see with ss -tan which programs have them';

/** The workloads of the host that are not served. Of each it is logged once why. */
export class Unserved {
  readonly #logger: Logger;
  #problems: readonly Problem[] = [];

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Takes the place of what was known. @returns the same. */
  update(problems: readonly Problem[]): readonly Problem[] {
    const told = new Set(this.#problems.map(textOf));
    this.#problems = problems;
    for (const problem of problems) {
      if (told.has(textOf(problem))) continue;
      this.#logger.warn('a workload is left out', { origin: problem.origin, reason: problem.message });
    }
    return problems;
  }
}

/** Those with a network namespace of their own. @param reason why Envoy may enter none; undefined when it may. */
export function confined(members: readonly Member[], reason: string | undefined): readonly Problem[] {
  if (reason === undefined) return [];
  return members
    .filter(({ input }) => input.local.selector.kind === 'namespace')
    .map(({ input }) => ({ origin: originOf(input.local), message: reason }));
}

/** Those that no port was left for. @param members who have one. */
export function portless(workloads: readonly LocalWorkload[], members: readonly Member[]): readonly Problem[] {
  if (members.length === workloads.length) return [];
  const placed = new Set(members.map(({ input }) => input.local.workload.uid));
  return workloads
    .filter(({ workload }) => !placed.has(workload.uid))
    .map(local => ({ origin: originOf(local), message: NO_PORT }));
}

/**
 * Those that have another service account than they are to have, as no certificate can be had.
 * @param reasonOf why there is none for a workload as it is to be.
 */
export function otherwiseCalled(
  workloads: readonly LocalWorkload[],
  members: readonly Member[],
  reasonOf: (wanted: LocalWorkload) => string | undefined,
): readonly Problem[] {
  const locals = new Map(members.map(({ input: { local } }) => [local.workload.uid, local]));
  return workloads.flatMap(wanted => {
    const kept = locals.get(wanted.workload.uid);
    const [is, toBe] = [kept?.workload.serviceAccount, wanted.workload.serviceAccount];
    const reason = is === undefined || is === toBe ? undefined : reasonOf(wanted);
    if (reason === undefined) return [];
    const user = userOf(kept?.selector);
    const another = user !== undefined && user !== userOf(wanted.selector) ? ` and the user ${user}` : '';
    const message = `keeps the service account "${is}"${another}, as there is no certificate for "${toBe}" yet: ${reason}`;
    return [{ origin: originOf(wanted), message }];
  });
}

function originOf({ workload }: LocalWorkload): string {
  return `workload ${workload.uid}`;
}

function textOf({ origin, message }: Problem): string {
  return `${origin}: ${message}`;
}
