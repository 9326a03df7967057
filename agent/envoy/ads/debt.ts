import { TYPE, type TypeUrl } from '../../compile/resource.ts';
import type { Desired, Session } from './session.ts';

/** A resource that a client had not answered for when the debt was made. */
interface Owed {
  readonly typeUrl: TypeUrl;
  readonly name: string;
  /** Versions whose answer is none to what was wanted then: it was given before, or the version was on its way. */
  readonly before: ReadonlySet<string>;
}

/** What one client is still to answer for, of all that was wanted at one moment. What is wanted later adds nothing. */
export class Debt {
  readonly #session: Session;
  #owed: readonly Owed[];

  constructor(session: Session, desired: Desired) {
    this.#session = session;
    this.#owed = Object.values(TYPE).flatMap(typeUrl =>
      [...(desired[typeUrl]?.values() ?? [])].flatMap(({ name, version }) => {
        const answered = session.answered(typeUrl, name);
        const underway = session.underway(typeUrl, name) ?? version;
        const before = underway === version ? answered : new Set([...answered, underway]);
        return answered.has(version) ? [] : [{ typeUrl, name, before }];
      }),
    );
  }

  /** Whether it has answered for each that it wants: for the version of then, or one that took its place. */
  isPaid(): boolean {
    this.#owed = this.#owed.filter(({ typeUrl, name, before }) =>
      [...this.#session.answered(typeUrl, name)].every(version => before.has(version)),
    );
    return this.#owed.every(({ typeUrl, name }) => !this.#session.wants(typeUrl, name));
  }
}
