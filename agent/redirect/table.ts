import { statSync } from 'node:fs';
import { messageOf } from '../../manager/model/util/errors.ts';
import { namespaceIdOf } from '../../platforms/platform.ts';
import { inNamespace, run, runNft, type Tools } from './nft.ts';
import { removeRoutes, routesStand, setRoutes } from './routes.ts';
import { type Ruleset, TABLE } from './ruleset.ts';
import { changeScript, removeScript, replaceScript } from './script.ts';

/** Our table in one network namespace (the host's when it has no path), and what is known to be in it. */
export class Table {
  readonly #tools: Tools;
  /** Of its network namespace; undefined: the host's. */
  readonly path: string | undefined;
  /** What is in it, as far as is known. */
  #applied: Ruleset | undefined;
  /** What shall be in it. */
  #wanted: Ruleset | undefined;
  #ranges: readonly string[] = [];
  /** What the kernel shows of the table after our last change; anything else means that someone else changed it. */
  #shown = '';

  constructor(tools: Tools, namespace?: string) {
    this.#tools = tools;
    this.path = namespace;
  }

  /** The ranges that are captured now. */
  get virtualRanges(): readonly string[] {
    return this.#ranges;
  }

  /**
   * Puts the ruleset in force: by its elements where only these differ, else as a whole in one transaction. Then sets the routes.
   * @throws {RedirectError} and leaves the rules that were there, when these were not accepted.
   */
  async apply(ruleset: Ruleset, virtualRanges: readonly string[]): Promise<void> {
    const change = this.#applied && changeScript(this.#applied, ruleset);
    if (change !== '') {
      // What someone else changed since the last look would count as ours.
      const isOurs = change !== undefined && this.#isOurs(await this.#show());
      await runNft(this.#tools, this.path, isOurs ? change : replaceScript(ruleset));
      this.#applied = ruleset;
      this.#wanted = ruleset;
      this.#shown = await this.#show();
    }
    if (this.#ranges.join() === virtualRanges.join()) return;
    await setRoutes(this.#tools, this.path, virtualRanges);
    this.#ranges = virtualRanges;
  }

  /** Puts back what someone else changed or removed; resolves to whether that was so. @throws {RedirectError} */
  async restore(): Promise<boolean> {
    const ruleset = this.#wanted;
    if (!ruleset) return false;
    const rerouted =
      !(await routesStand(this.#tools, this.path, this.#ranges)) &&
      (await setRoutes(this.#tools, this.path, this.#ranges));
    const [shown, expected] = [await this.#show(), this.#shown];
    if (this.#isOurs(shown)) return rerouted;
    this.#applied = undefined;
    await this.apply(ruleset, this.#ranges);
    // Someone may have been at them again already. Where they look as they did before, it is nft that shows them otherwise now.
    if (expected !== '' && (shown === '' || shown !== this.#shown)) this.#shown = expected;
    return true;
  }

  /** Whether the table is as our last change left it. One that was gone by then is not. */
  #isOurs(shown: string): boolean {
    return shown !== '' && shown === this.#shown;
  }

  /** Removes the table and the routes, also those that an earlier process left. @throws {RedirectError} */
  async remove(): Promise<void> {
    this.#applied = undefined;
    this.#wanted = undefined;
    this.#ranges = [];
    await runNft(this.#tools, this.path, removeScript());
    await removeRoutes(this.#tools, this.path);
  }

  /** The table as text, without what changes by itself; empty when it is not there. */
  async #show(): Promise<string> {
    const list = [this.#tools.nft, '--stateless', '--numeric', 'list', 'table', ...TABLE.split(' ')];
    const text = await run(inNamespace(this.#tools, this.path, list)).catch((error: unknown) => {
      if (messageOf(error).includes('No such file or directory')) return '';
      throw error;
    });
    // What rules themselves add changes, and so does the order of elements when the kernel grows a table.
    const constant = text.replace(/(flags dynamic\S*)\s+elements = \{[^}]*\}/g, '$1');
    return constant.replace(/elements = \{([^}]*)\}/g, (_, elements: string) =>
      elements
        .split(',')
        .map(element => element.trim())
        .sort()
        .join(),
    );
  }
}

/** Which network namespace a path leads to, as the `id` of a `Selector` says it; undefined when it leads nowhere. */
export function namespaceAt(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found && namespaceIdOf(found);
}
