import { inNamespace, run, type Tools } from './nft.ts';

/** Marks our routes among others (rtnetlink protocol number; 105 has no name anywhere). */
const PROTOCOL = '105';

/** A route of someone else for the same range goes before ours. */
const METRIC = '4096';

interface LinkAddresses {
  readonly addr_info?: readonly { readonly family: string; readonly scope: string }[];
}

/**
 * Routes the virtual ranges to the loopback device. The kernel looks for a route before it asks the rules, so without these a
 * host without a default route, of IPv4 or IPv6, could not call virtual IPs at all.
 * @param namespace path of a network namespace; undefined: the host's.
 */
export async function setRoutes(
  tools: Tools,
  namespace: string | undefined,
  virtualRanges: readonly string[],
): Promise<void> {
  const links = await query<LinkAddresses>(tools, namespace, ['addr', 'show']);
  const addresses = links.flatMap(link => link.addr_info ?? []);
  const has6 = addresses.some(({ family }) => family === 'inet6');
  // With no address but 127.0.0.1 the kernel finds no source for such a route by itself.
  const source = addresses.some(({ family, scope }) => family === 'inet' && scope !== 'host') ? '' : 'src 127.0.0.1';
  const ranges = virtualRanges.filter(range => has6 || !range.includes(':'));
  const present = await ourRoutes(tools, namespace, has6);
  await batch(tools, namespace, [
    ...present.filter(range => !ranges.includes(range)).map(removal),
    ...ranges
      .filter(range => !present.includes(range))
      .map(
        range => `route add ${range} dev lo proto ${PROTOCOL} metric ${METRIC} ${range.includes(':') ? '' : source}\n`,
      ),
  ]);
}

/** Removes them, and no other. */
export async function removeRoutes(tools: Tools, namespace: string | undefined): Promise<void> {
  await batch(tools, namespace, (await ourRoutes(tools, namespace, true)).map(removal));
}

function removal(range: string): string {
  return `route del ${range} dev lo proto ${PROTOCOL} metric ${METRIC}\n`;
}

async function batch(tools: Tools, namespace: string | undefined, commands: readonly string[]): Promise<void> {
  for (const family of ['-4', '-6']) {
    const own = commands.filter(command => command.includes(':') === (family === '-6'));
    if (own.length > 0) await run(inNamespace(tools, namespace, [tools.ip, family, '-batch', '-']), own.join(''));
  }
}

async function ourRoutes(tools: Tools, namespace: string | undefined, has6: boolean): Promise<string[]> {
  const list = ['route', 'show', 'dev', 'lo', 'proto', PROTOCOL];
  const found = await query<{ readonly dst: string }>(tools, namespace, ['-4', ...list]);
  if (has6) found.push(...(await query<{ readonly dst: string }>(tools, namespace, ['-6', ...list])));
  return found.map(route => route.dst);
}

async function query<T>(tools: Tools, namespace: string | undefined, args: readonly string[]): Promise<T[]> {
  const printed = await run(inNamespace(tools, namespace, [tools.ip, '-json', ...args]));
  return JSON.parse(printed.trim() || '[]') as T[];
}
