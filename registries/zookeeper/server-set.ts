import { messageOf } from '../../manager/model/util/errors.ts';
import { Wake } from '../../manager/model/util/wake.ts';
import type { Problem, RegistryInstance, RegistryService } from '../registry.ts';
import { type ZooKeeperClient, ZooKeeperError } from './client.ts';
import { type Member, readMember } from './member.ts';
import { readVector, type Weighting, weightOf } from './vector.ts';

/** Where a ServerSet says what it knows. */
export interface SetSink {
  service(service: RegistryService): void;
  unreadable(problem: Problem): void;
}

/** What is known of a child; of a vector that is broken now also what it said last. */
interface Child {
  readonly member?: Member;
  readonly weightings?: readonly Weighting[];
  readonly broken?: string;
}

/** A list that may not be read is asked again after so long, milliseconds: no watch tells of a right that is given. */
export const ASK_AGAIN_MS = 30_000;

/** One ServerSet: a znode whose children are the members. Says its whole state after each change, until the signal aborts. */
export class ServerSet {
  readonly #client: ZooKeeperClient;
  readonly #path: string;
  readonly #named: { readonly name: string; readonly namespace?: string };
  readonly #sink: SetSink;
  readonly #signal: AbortSignal;
  readonly #wake: Wake;
  readonly #children = new Map<string, Child | undefined>();
  readonly #changed = new Set<string>();
  #listChanged = true;
  #there = false;

  constructor(
    client: ZooKeeperClient,
    path: string,
    named: { readonly name: string; readonly namespace?: string },
    sink: SetSink,
    signal: AbortSignal,
  ) {
    this.#client = client;
    this.#path = path;
    this.#named = named;
    this.#sink = sink;
    this.#signal = signal;
    this.#wake = new Wake(signal);
  }

  /** @param listed called when the state was said for the first time. @throws when the client is lost. */
  async run(listed: () => void): Promise<void> {
    while (!this.#signal.aborted) {
      const readable = await this.#update();
      if (this.#signal.aborted) return;
      if (readable) this.#sink.service(this.#service());
      listed();
      await this.#wake.wait(readable ? undefined : ASK_AGAIN_MS);
      if (!readable) this.#listChanged = true;
    }
  }

  /** Reads what changed. @returns whether the list could be read. */
  async #update(): Promise<boolean> {
    try {
      if (this.#listChanged) await this.#list();
    } catch (error) {
      if (!(error instanceof ZooKeeperError)) throw error;
      this.#sink.unreadable({ where: this.#path, why: messageOf(error) });
      return false;
    }
    const changed = [...this.#changed].filter(name => this.#children.has(name));
    this.#changed.clear();
    await Promise.all(changed.map(name => this.#read(name)));
    return true;
  }

  async #list(): Promise<void> {
    this.#listChanged = false;
    const watcher = (): void => {
      this.#listChanged = true;
      this.#wake.call();
    };
    const names = await this.#client.children(this.#path, watcher);
    // Created since: the list will say.
    if (!names && (await this.#client.exists(this.#path, watcher))) return this.#list();
    this.#there = names !== undefined;
    const listed = new Set(names?.filter(name => /^(member|vector)_/.test(name)));
    for (const name of this.#children.keys()) if (!listed.has(name)) this.#children.delete(name);
    for (const name of listed)
      if (!this.#children.has(name)) {
        this.#children.set(name, undefined);
        this.#changed.add(name);
      }
  }

  async #read(name: string): Promise<void> {
    const path = `${this.#path}/${name}`;
    try {
      const data = await this.#client.data(path, () => {
        this.#changed.add(name);
        this.#wake.call();
      });
      // Gone since it was listed: the list's own watch has told, or will.
      if (data === undefined) this.#children.delete(name);
      else this.#children.set(name, this.#parse(name, data));
    } catch (error) {
      if (!(error instanceof ZooKeeperError)) throw error;
      this.#children.set(name, this.#broken(name, error));
    }
  }

  #parse(name: string, data: Buffer): Child {
    try {
      return name.startsWith('vector_') ? { weightings: readVector(data) } : { member: readMember(name, data) };
    } catch (error) {
      return this.#broken(name, error);
    }
  }

  /** Without its vector, a member that was drained by a weight of 0 would take calls again. */
  #broken(name: string, error: unknown): Child {
    const weightings = this.#children.get(name)?.weightings;
    return { broken: messageOf(error), ...(weightings && { weightings }) };
  }

  #service(): RegistryService {
    const problems: Problem[] = [];
    const members: Member[] = [];
    const weightings: Weighting[] = [];
    if (!this.#there)
      problems.push({ where: this.#path, why: 'there is no such znode; its first member will make it' });
    for (const [name, child] of this.#children) {
      const where = `${this.#path}/${name}`;
      const { member, broken, weightings: said = [] } = child ?? {};
      if (broken !== undefined) problems.push({ where, why: broken });
      weightings.push(...said);
      if (!member) continue;
      members.push(member);
      problems.push(...member.problems.map(why => ({ where, why })));
    }
    const instances = members.map(
      (member): RegistryInstance => ({ ...member.instance, weight: weightOf(member, weightings) }),
    );
    return { ...this.#named, aliases: [], labels: {}, instances, problems };
  }
}
