import { statfsSync } from 'node:fs';
import { AskedServers } from './namespace-dns.ts';
import { namespaceRuleset } from './namespace-ruleset.ts';
import { inNamespace, run, type Tools } from './nft.ts';
import { type KernelFeatures, TABLE } from './ruleset.ts';
import type { NamespaceCapture } from './spec.ts';
import { namespaceAt, Table } from './table.ts';

/** A look into a set of name servers. */
interface Look {
  readonly at: number;
  readonly found: Promise<string | undefined>;
}

/** Looks cost a process, and a program could ask for any number of them, milliseconds. */
const LOOK_AGAIN_MS = 1000;

/** NSFS_MAGIC of linux/magic.h: the file system of namespaces. */
const NSFS = 0x6e736673;

/** Leads to the network namespace of this process. */
export const OWN = '/proc/self/ns/net';

/** Capture inside the network namespace of one workload. A namespace that is gone, or is another one now, is no error: there is nothing to do. */
export class CapturedNamespace {
  readonly path: string;
  readonly #tools: Tools;
  /** The namespace that the rules are in. */
  #id: string | undefined;
  #capture: NamespaceCapture | undefined;
  #kernel: KernelFeatures | undefined;
  #table: Table;
  #asked = new AskedServers();
  readonly #looks = new Map<string, Look>();
  #recalled = false;
  /** Whether someone noticed that the rules are not what they were. */
  suspect = false;

  constructor(tools: Tools, path: string) {
    this.path = path;
    this.#tools = tools;
    this.#table = new Table(tools, path);
  }

  /** @throws {RedirectError} */
  async apply(capture: NamespaceCapture, kernel: KernelFeatures): Promise<void> {
    this.#capture = capture;
    this.#kernel = kernel;
    if (namespaceAt(this.path) !== capture.id) return;
    await this.#unlessGone(async () => {
      if (!this.#recalled) await this.#recall();
      this.#recalled = true;
      await this.#table.apply(namespaceRuleset(capture, kernel, this.#asked.elements()), capture.virtualRanges);
    });
  }

  /** Does again what failed, and notes the name servers that were asked; costs next to nothing otherwise. @throws {RedirectError} */
  async retry(): Promise<void> {
    if (this.#capture && this.#kernel) await this.apply(this.#capture, this.#kernel);
  }

  /** Puts back what someone else removed; resolves to whether that was so. @throws {RedirectError} */
  async restore(): Promise<boolean> {
    let restored = false;
    this.suspect = false;
    if (namespaceAt(this.path) !== this.#id) return false;
    await this.#unlessGone(async () => {
      restored = await this.#table.restore();
    });
    return restored;
  }

  /** The name server that questions which arrive at a port were sent to; undefined when there is none. @throws {RedirectError} */
  async askedServer(family: 4 | 6, port: number): Promise<string | undefined> {
    const asked = this.#asked;
    const { server, set } = asked.at(family, port);
    if (server !== undefined) return server;
    const last = this.#looks.get(set);
    if (last && performance.now() - last.at < LOOK_AGAIN_MS) return last.found;
    const found = this.#list('set', ...TABLE.split(' '), set).then(shown => {
      asked.learn(shown);
      return asked.at(family, port).server;
    });
    this.#looks.set(set, { at: performance.now(), found });
    return found;
  }

  #list(...what: string[]): Promise<string> {
    return run(inNamespace(this.#tools, this.path, [this.#tools.nft, '--json', 'list', ...what]));
  }

  /** Name servers keep the places that they had in an earlier life of the agent: questions to them may be under way. */
  async #recall(): Promise<void> {
    const shown = await this.#list('table', ...TABLE.split(' ')).catch(() => undefined);
    if (shown !== undefined) this.#asked.learn(shown);
  }

  /**
   * Removes the rules. Where its namespace is gone, the path may lead to a plain file, to the host's own namespace or to that of another
   * workload by now. @throws {RedirectError}
   */
  async remove(): Promise<void> {
    const id = namespaceAt(this.path);
    const isAnother = this.#id !== undefined && this.#id !== id;
    if (id === undefined || isAnother || id === namespaceAt(OWN) || statfsSync(this.path).type !== NSFS) return;
    await this.#unlessGone(() => this.#table.remove());
  }

  /** Another namespace under the same name (a container that was started again) begins anew. */
  async #unlessGone(work: () => Promise<void>): Promise<void> {
    const id = namespaceAt(this.path);
    if (id !== this.#id) {
      this.#table = new Table(this.#tools, this.path);
      this.#asked = new AskedServers();
      this.#looks.clear();
      this.#recalled = false;
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
