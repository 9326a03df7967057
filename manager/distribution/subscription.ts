import { printable, RefusalError } from '../hosts/refusal.ts';
import type { DeltaResource, DeltaResponse } from '../model/proto/messages.ts';
import type { ResourceType } from '../model/proto/wire.ts';
import type { Encoded } from './resources.ts';

/** Names that one host may subscribe to of one type. */
const MAXIMUM_NAMES = 50_000;
/** Characters of a name: the longest is the uid of a workload, 120 of its host and 63 of its namespace and its own each. */
const LONGEST_NAME = 512;
/** A response is closed when it holds so much. One larger resource travels alone. */
const RESPONSE_BYTES = 1024 * 1024;
const RESPONSE_RESOURCES = 1000;

/** Version under which a host is told that there is no such thing. */
const ABSENT = '';

interface Outstanding {
  readonly nonce: string;
  readonly sent: ReadonlyMap<string, string>;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** What a host refused, until something newer was accepted. */
export interface Refused {
  readonly version: string;
  readonly reason: string;
}

/**
 * What one host wants of one type, and what it has. One response is on its way at a time; what changes meanwhile is merged by
 * name, so a slow host costs one entry per name and gets the newest state when it is ready.
 */
export class Subscription {
  readonly type: ResourceType;
  /** By name, what was refused last. */
  readonly refused: Map<string, Refused> = new Map<string, Refused>();
  readonly #names = new Set<string>();
  /** By name, the version that the host holds or was sent. */
  readonly #held = new Map<string, string>();
  readonly #pending = new Set<string>();
  #wildcard = false;
  #outstanding: Outstanding | undefined;
  #sequence = 0;

  constructor(type: ResourceType, initialVersions: Readonly<Record<string, string>> = {}) {
    this.type = type;
    const versions = Object.entries(initialVersions);
    this.#bound(versions.length);
    for (const [name, version] of versions) {
      checkName(name);
      this.#held.set(name, version);
    }
  }

  get wildcard(): boolean {
    return this.#wildcard;
  }

  get names(): ReadonlySet<string> {
    return this.#names;
  }

  /** When the response was sent that has not been acknowledged, milliseconds since 1970. */
  get waitingSince(): number | undefined {
    return this.#outstanding?.at;
  }

  wants(name: string): boolean {
    return this.#wildcard || this.#names.has(name);
  }

  /** @throws {RefusalError} when the host asks for more names than it may. */
  add(name: string): void {
    this.#bound(this.#names.size + 1);
    checkName(name);
    this.#names.add(name);
    this.#pending.add(name);
  }

  /** Wants everything. @param names all that there is. */
  addAll(names: Iterable<string>): void {
    this.#wildcard = true;
    for (const name of this.#held.keys()) this.#pending.add(name);
    for (const name of names) this.#pending.add(name);
  }

  remove(name: string): void {
    this.#names.delete(name);
    if (!this.#wildcard) this.#forget(name);
  }

  removeAll(): void {
    this.#wildcard = false;
    for (const name of this.#held.keys()) if (!this.#names.has(name)) this.#forget(name);
  }

  /** Notes that something may have changed. */
  mark(name: string): void {
    this.#pending.add(name);
  }

  /**
   * Takes the answer to a response. An answer to an older one says nothing.
   * @param error why all of it was refused, or empty. @param refused why some of it was, by name.
   */
  answer(nonce: string, error: string, refused: Readonly<Record<string, string>> = {}): void {
    const outstanding = this.#outstanding;
    if (outstanding?.nonce !== nonce) return;
    this.#outstanding = undefined;
    for (const [name, version] of outstanding.sent) {
      const reason = Object.hasOwn(refused, name) ? refused[name]! : error;
      if (reason !== '') this.refused.set(name, { version, reason: printable(reason) });
      else this.refused.delete(name);
    }
  }

  /** The next response, when there is something to say and nothing on its way. @param now milliseconds since 1970. */
  next(lookUp: (name: string) => Encoded | undefined, now: number): DeltaResponse | undefined {
    if (this.#outstanding || this.#pending.size === 0) return undefined;
    const resources: DeltaResource[] = [];
    const removed: string[] = [];
    const sent = new Map<string, string>();
    let bytes = 0;
    for (const name of this.#pending) {
      if (bytes >= RESPONSE_BYTES || sent.size >= RESPONSE_RESOURCES) break;
      this.#pending.delete(name);
      const encoded = lookUp(name);
      const version = encoded?.version ?? ABSENT;
      if (!this.#mustSend(name, version)) continue;
      sent.set(name, version);
      if (encoded) resources.push({ name, ...encoded });
      else removed.push(name);
      bytes += name.length + (encoded?.body.length ?? 0);
    }
    if (sent.size === 0) return undefined;
    for (const [name, version] of sent) this.#hold(name, version);
    this.#sequence += 1;
    const nonce = String(this.#sequence);
    this.#outstanding = { nonce, sent, at: now };
    return { type: this.type, nonce, resources, removed };
  }

  #mustSend(name: string, version: string): boolean {
    const held = this.#held.get(name);
    // Whoever asked by name is told that there is no such thing; whoever wants all is not.
    if (held === undefined && version === ABSENT) return this.#names.has(name);
    return held !== version;
  }

  #hold(name: string, version: string): void {
    if (version === ABSENT && !this.#names.has(name)) this.#held.delete(name);
    else this.#held.set(name, version);
  }

  #forget(name: string): void {
    this.#held.delete(name);
    this.#pending.delete(name);
    this.refused.delete(name);
  }

  #bound(size: number): void {
    if (size > MAXIMUM_NAMES)
      throw new RefusalError(
        'message-invalid',
        `a host may subscribe to ${MAXIMUM_NAMES} names of a type, not to ${size}`,
      );
  }
}

/** @throws {RefusalError} for what names nothing, and would only be held. */
function checkName(name: string): void {
  if (name.length > LONGEST_NAME)
    throw new RefusalError('message-invalid', `a name has at most ${LONGEST_NAME} characters, not ${name.length}`);
}
