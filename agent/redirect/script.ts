import { type Ruleset, TABLE } from './ruleset.ts';

/** Commands for `nft -f` that put the table in place, whatever of it was there: one transaction. */
export function replaceScript(ruleset: Ruleset): string {
  const body = ruleset.structure.replace(/%(\w+)%/g, (_, name: string) => {
    const elements = ruleset.elements[name] ?? [];
    return elements.length > 0 ? `elements = { ${elements.join(', ')} }` : '';
  });
  const chains = Object.entries(ruleset.chains ?? {}).map(([name, rule]) => `\n  chain ${name} {\n    ${rule}\n  }`);
  return `${removeScript()}table ${TABLE} {${body}${chains.join('')}\n}\n`;
}

/** Commands that remove the table, also when there is none. `destroy table` would need nft 1.0.7 and Linux 6.3. */
export function removeScript(): string {
  return `add table ${TABLE}\ndelete table ${TABLE}\n`;
}

/**
 * Commands that turn one ruleset into another by its elements alone, in one transaction; empty when there is nothing to do,
 * undefined when their structure differs.
 */
export function changeScript(from: Ruleset, to: Ruleset): string | undefined {
  if (from.structure !== to.structure) return undefined;
  const [olds, news] = [from.chains ?? {}, to.chains ?? {}];
  if (Object.keys(news).some(name => (olds[name] ?? news[name]) !== news[name])) return undefined;
  const removals: string[] = [];
  const additions = Object.entries(news).flatMap(([name, rule]) =>
    olds[name] === undefined ? [`add chain ${TABLE} ${name}\nadd rule ${TABLE} ${name} ${rule}\n`] : [],
  );
  for (const name of Object.keys(to.elements)) {
    const [before, after] = [from.elements[name] ?? [], to.elements[name] ?? []];
    // An element of a map is removed by its key, so that a new value can take its place in the same transaction.
    const gone = before.filter(element => !after.includes(element)).map(element => element.split(' : ')[0]!);
    const added = after.filter(element => !before.includes(element));
    if (gone.length > 0) removals.push(`delete element ${TABLE} ${name} { ${gone.join(', ')} }\n`);
    if (added.length > 0) additions.push(`add element ${TABLE} ${name} { ${added.join(', ')} }\n`);
  }
  const unused = Object.keys(olds).filter(name => news[name] === undefined);
  return [...removals, ...unused.map(name => `delete chain ${TABLE} ${name}\n`), ...additions].join('');
}
