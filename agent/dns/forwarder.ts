import { failure } from './answer.ts';
import type { Asker } from './asker.ts';
import { type Overload, userName } from './overload.ts';
import { Owners } from './owners.ts';
import { type Place, Places } from './places.ts';
import type { Upstream } from './upstream.ts';

export interface ForwarderOptions {
  readonly upstream: Pick<Upstream, 'ask'>;
  readonly overload: Overload;
  readonly signal: AbortSignal;
  /** Exchanges with other servers that are under way at a time, 1024 but in tests. */
  readonly most?: number | undefined;
  /** Tells who owns sockets of UDP; for tests. */
  readonly owners?: Pick<Owners, 'now'> | undefined;
}

/** Exchanges under way at other servers: each has a socket. */
const MOST_EXCHANGES = 1024;
/** Of questions that wait for them there may be more: those that are alike wait for the same one. */
const QUESTIONS_PER_EXCHANGE = 4;

/**
 * Asks other servers what came over UDP. Questions that are alike byte by byte, but for the id, are asked once: they take the same
 * answer, as also the size that the asker takes is among these bytes. That bounds a loop between servers, too: what comes back waits
 * for itself, until the deadline of the first. The price: who comes late to an exchange that fails is told so early, and asks again.
 */
export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #exchanges: Places;
  readonly #questions: Places;
  readonly #underWay = new Map<string, Promise<Buffer>>();

  constructor(options: ForwarderOptions) {
    const { most = MOST_EXCHANGES, owners = new Owners('udp') } = options;
    this.#options = options;
    this.#exchanges = new Places(most, () => owners.now());
    this.#questions = new Places(most * QUESTIONS_PER_EXCHANGE, () => owners.now());
  }

  /** The answer; "server failure" when there is none, or too much is under way. */
  async ask(query: Buffer, asker: Asker): Promise<Buffer> {
    const place = await this.#enter(this.#questions, asker);
    if (!place) return failure(query);
    try {
      const key = query.toString('latin1', 2);
      const reply = await (this.#underWay.get(key) ?? this.#exchange(key, query, asker));
      return reply ? withId(reply, query) : failure(query);
    } finally {
      this.#questions.leave(place);
    }
  }

  async #exchange(key: string, query: Buffer, asker: Asker): Promise<Buffer | undefined> {
    const place = await this.#enter(this.#exchanges, asker);
    if (!place) return undefined;
    // Seen only now, so that nobody is refused because of who asked the same before.
    const other = this.#underWay.get(key);
    if (other) {
      this.#exchanges.leave(place);
      return other;
    }
    const { upstream, signal } = this.#options;
    const asked = upstream.ask(query, signal).finally(() => {
      this.#exchanges.leave(place);
      this.#underWay.delete(key);
    });
    this.#underWay.set(key, asked);
    return asked;
  }

  async #enter(places: Places, asker: Asker): Promise<Place | undefined> {
    const { overload } = this.#options;
    if (places.isFull) {
      overload.refused('somebody');
      return undefined;
    }
    const place = places.enter(asker);
    if (await places.fits(place)) return place;
    places.leave(place);
    overload.refused(userName(place.owner?.uid));
    return undefined;
  }
}

function withId(reply: Buffer, query: Buffer): Buffer {
  const own = Buffer.from(reply);
  query.copy(own, 0, 0, 2);
  return own;
}
