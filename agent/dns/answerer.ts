import type { ServiceName } from '../../manager/model/host-view.ts';
import { messageOf } from '../../manager/model/util/errors.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import { doneOrAborted } from '../../manager/model/util/until.ts';
import { Rarely } from '../rarely.ts';
import { answer, badVersion, failure } from './answer.ts';
import { type Meaning, NameTable } from './names.ts';
import { Overload } from './overload.ts';
import { CLASS_IN, type Question, readQuestion } from './question.ts';
import { addressOfReverse } from './reverse.ts';

export interface AnswererOptions {
  /**
   * Called with the canonical hostname of a service that someone asks for; answered once it is ready to be called, or
   * after `readyMs`, when the signal aborts.
   */
  readonly onQuery: (hostname: string, signal: AbortSignal) => Promise<void>;
  /** Ranges of virtual IPs, in CIDR form: names of addresses in them are ours. None when it is not there. */
  readonly virtualRanges?: () => readonly string[];
  readonly logger: Logger;
  /** How long an answer waits for that, milliseconds; 2 s but in tests. */
  readonly readyMs?: number;
}

/** Who asks. */
export interface AskerFacts {
  /** Namespace of the workload that asks; undefined when it is not known. Asked only where a short name depends on it. */
  readonly namespace: () => Promise<string | undefined>;
  /** Whether virtual IPs of IPv6 are captured where the asker is. */
  readonly ipv6: boolean;
}

/** An answer waits so long for the proxy to be ready, milliseconds: less than the C library waits before it asks again. */
const READY_MS = 2_000;
/** Queries under way at a time. */
const MOST_QUERIES = 4096;

/** Answers for the names of the mesh, from memory. */
export class Answerer {
  readonly #options: AnswererOptions;
  #names: NameTable | undefined;
  /** What could not be answered or passed on, by whichever server asks here. */
  readonly overload: Overload;
  readonly #warnings = new Rarely();
  #underWay = 0;
  #counts = { answered: 0, foreign: 0 };

  constructor(options: AnswererOptions) {
    this.#options = options;
    this.overload = new Overload(options.logger);
  }

  /** What was asked since the start; `foreign` are names of others. */
  get counts(): { readonly answered: number; readonly foreign: number } {
    return { ...this.#counts };
  }

  /** All services of the mesh. Until the first call, names under `.mesh` are "server failure", not "no such name". */
  setNames(services: readonly ServiceName[]): void {
    this.#names = new NameTable(services);
  }

  /** The answer to a query about our names; undefined when it is for other servers. */
  async answer(query: Buffer, asker: AskerFacts): Promise<Buffer | undefined> {
    if (this.#underWay >= MOST_QUERIES) {
      this.overload.refused('somebody');
      return failure(query);
    }
    this.#underWay += 1;
    try {
      const question = readQuestion(query);
      const reply = question && question.class === CLASS_IN ? await this.#look(query, question, asker) : undefined;
      this.#counts[reply ? 'answered' : 'foreign'] += 1;
      return reply;
    } finally {
      this.#underWay -= 1;
    }
  }

  async #look(query: Buffer, question: Question, asker: AskerFacts): Promise<Buffer | undefined> {
    const meaning = await this.#meaning(this.#names ?? new NameTable([]), question.name, asker);
    if (meaning.kind === 'foreign') return undefined;
    if (question.ednsVersion !== 0) return badVersion(query, question);
    if (!this.#names) return failure(query);
    await this.#ready(meaning);
    return answer(query, question, meaning, asker.ipv6);
  }

  async #meaning(names: NameTable, name: string, asker: AskerFacts): Promise<Meaning> {
    const address = addressOfReverse(name);
    if (address !== undefined) return names.lookAddress(address, this.#options.virtualRanges?.() ?? []);
    return names.look(name, names.dependsOnAsker(name) ? await asker.namespace() : undefined);
  }

  async #ready(meaning: Meaning): Promise<void> {
    if (meaning.kind !== 'service' && meaning.kind !== 'ports') return;
    // Those who wait must not take the places of all others.
    if (this.#underWay > MOST_QUERIES / 2) return;
    const { onQuery, readyMs = READY_MS, logger } = this.#options;
    const { hostname } = meaning.service;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new Error(`it is not ready after ${readyMs} ms`)), readyMs);
    try {
      await doneOrAborted(onQuery(hostname, late.signal), late.signal);
      late.signal.throwIfAborted();
    } catch (error) {
      const times = this.#warnings.due();
      const level = times === undefined ? 'debug' : 'warn';
      logger[level]('could not prepare a service that was asked for', { hostname, reason: messageOf(error), times });
    } finally {
      clearTimeout(timer);
    }
  }
}
