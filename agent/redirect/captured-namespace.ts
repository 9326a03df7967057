import type { Tools } from './nft.ts';
import { NftSession } from './nft-session.ts';
import { type KernelFeatures, NAMESPACE_ALIVE_MS, namespaceRuleset, TABLE } from './ruleset.ts';
import type { NamespaceCapture } from './spec.ts';
import { namespaceAt, Table } from './table.ts';

const ALIVE = `element ${TABLE} alive { 0 timeout ${NAMESPACE_ALIVE_MS}ms }`;
const REFRESH = `add ${ALIVE}`;
/** Costs five times as much. */
const REPLACE = `add ${ALIVE}; delete element ${TABLE} alive { 0 }; add ${ALIVE}`;

/** Capture inside the network namespace of one workload. A namespace that is gone, or is another one now, is no error: there is nothing to do. */
export class CapturedNamespace {
  readonly path: string;
  readonly #tools: Tools;
  /** The namespace that the rules are in. */
  #id: string | undefined;
  #capture: NamespaceCapture | undefined;
  #kernel: KernelFeatures | undefined;
  #table: Table;
  #session: NftSession;

  constructor(tools: Tools, path: string) {
    this.path = path;
    this.#tools = tools;
    this.#table = new Table(tools, path);
    this.#session = new NftSession(tools, path);
  }

  /** @throws {RedirectError} */
  async apply(capture: NamespaceCapture, kernel: KernelFeatures): Promise<void> {
    this.#capture = capture;
    this.#kernel = kernel;
    if (namespaceAt(this.path) !== capture.id) return;
    await this.#unlessGone(async () => {
      await this.#table.apply(namespaceRuleset(capture), capture.virtualRanges);
    });
  }

  /** Whether the kernel refused to hear that the agent lives: then the rules are not what they were. */
  get suspect(): boolean {
    return this.#session.complained;
  }

  /** Says that the agent lives; cheap enough for each second. */
  refresh(): void {
    if (this.#id === undefined) return;
    if (namespaceAt(this.path) === this.#id) this.#session.send(this.#kernel?.refreshesElements ? REFRESH : REPLACE);
    else void this.rest();
  }

  /** Does again what failed; costs next to nothing otherwise. @throws {RedirectError} */
  async retry(): Promise<void> {
    if (this.#capture && this.#kernel) await this.apply(this.#capture, this.#kernel);
  }

  /** Puts back what someone else removed; resolves to whether that was so. @throws {RedirectError} */
  async restore(): Promise<boolean> {
    let restored = false;
    if (namespaceAt(this.path) !== this.#id) return false;
    await this.#unlessGone(async () => {
      restored = await this.#table.restore();
      this.#session.complained = false;
    });
    return restored;
  }

  /** Ends what runs inside, and leaves the rules. */
  async rest(): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }

  /** Removes the rules. @throws {RedirectError} */
  async remove(): Promise<void> {
    await this.rest();
    await this.#unlessGone(() => this.#table.remove());
  }

  /** Another namespace under the same name (a container that was started again) begins anew. */
  async #unlessGone(work: () => Promise<void>): Promise<void> {
    const id = namespaceAt(this.path);
    if (id !== this.#id) {
      await this.rest();
      this.#table = new Table(this.#tools, this.path);
      this.#id = id;
    }
    if (id === undefined) return;
    try {
      await work();
    } catch (error) {
      if (namespaceAt(this.path) === id) throw error;
    }
  }
}
