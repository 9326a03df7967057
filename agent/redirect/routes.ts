import { inNamespace, run, type Tools } from './nft.ts';

/** Marks our routes among others (rtnetlink protocol number; 105 has no name anywhere). */
const PROTOCOL = '105';

/** Of this table alone the kernel removes routes whose source address went. */
const TABLE = 'main';

/** A route of someone else for the same range goes before ours. */
const METRIC = 4096;
/** The route that is left when the host's address, and with it the first route, went. */
const SPARE_METRIC = 8192;

interface LinkAddresses {
  readonly addr_info?: readonly { readonly family: string; readonly scope: string; readonly local: string }[];
}

interface Route {
  /** `local`; an agent of an earlier version made others. */
  readonly type: string;
  readonly dst: string;
  readonly metric?: number;
  /** The address that programs call from; undefined leaves it to the kernel. */
  readonly prefsrc?: string;
}

/** As `ip` shows it, which names no type but those that are not the usual one. */
type Shown = Omit<Route, 'type'> & Partial<Route>;

/**
 * Makes the virtual ranges addresses of this very host, which only the rules lead to. A program that calls one has the same address of
 * its own as without a mesh: some tell it to others. The kernel finds that by itself for IPv6 alone.
 * @param namespace path of a network namespace; undefined: the host's.
 * @returns whether anything was to do.
 */
export async function setRoutes(
  tools: Tools,
  namespace: string | undefined,
  virtualRanges: readonly string[],
): Promise<boolean> {
  const links = await query<LinkAddresses>(tools, namespace, ['addr', 'show']);
  const addresses = links.flatMap(link => link.addr_info ?? []);
  const has6 = addresses.some(({ family }) => family === 'inet6');
  const own = addresses.find(({ family, scope }) => family === 'inet' && scope !== 'host')?.local;
  const wanted = virtualRanges.flatMap(range => routesOf(range, own)).filter(({ dst }) => has6 || !dst.includes(':'));
  const present = await ourRoutes(tools, namespace, has6);
  const lacks = (routes: readonly Route[], route: Route): boolean => !routes.some(one => same(one, route));
  const commands = [
    ...present.filter(route => lacks(wanted, route)).map(removal),
    ...wanted.filter(route => lacks(present, route)).map(addition),
  ];
  await batch(tools, namespace, commands);
  return commands.length > 0;
}

/** Whether the routes of IPv4 are there; those of IPv6 hang on no address, so that they stay. Costs less than {@link setRoutes}. */
export async function routesStand(
  tools: Tools,
  namespace: string | undefined,
  virtualRanges: readonly string[],
): Promise<boolean> {
  const present = await ourRoutes(tools, namespace, false);
  return virtualRanges.every(
    range => range.includes(':') || present.some(at => at.dst === range && at.metric === METRIC),
  );
}

function routesOf(range: string, own: string | undefined): Route[] {
  const route = { type: 'local', dst: range };
  if (range.includes(':')) return [{ ...route, metric: METRIC }];
  const spare = { ...route, metric: SPARE_METRIC, prefsrc: '127.0.0.1' };
  return own === undefined ? [spare] : [{ ...route, metric: METRIC, prefsrc: own }, spare];
}

function same(one: Route, other: Route): boolean {
  return (
    one.type === other.type && one.dst === other.dst && one.metric === other.metric && one.prefsrc === other.prefsrc
  );
}

/** Removes them, and no other. */
export async function removeRoutes(tools: Tools, namespace: string | undefined): Promise<void> {
  await batch(tools, namespace, (await ourRoutes(tools, namespace, true)).map(removal));
}

function addition({ prefsrc, ...route }: Route): string {
  return `route add ${described(route)}${prefsrc === undefined ? '' : ` src ${prefsrc}`}\n`;
}

function removal(route: Route): string {
  return `route del ${described(route)}\n`;
}

function described({ type, dst, metric = 0 }: Route): string {
  return `${type} ${dst} dev lo table ${TABLE} proto ${PROTOCOL} metric ${metric}`;
}

async function batch(tools: Tools, namespace: string | undefined, commands: readonly string[]): Promise<void> {
  for (const family of ['-4', '-6']) {
    const own = commands.filter(command => command.includes(':') === (family === '-6'));
    if (own.length > 0) await run(inNamespace(tools, namespace, [tools.ip, family, '-batch', '-']), own.join(''));
  }
}

async function ourRoutes(tools: Tools, namespace: string | undefined, has6: boolean): Promise<Route[]> {
  // Of the main table alone, ip leaves out local routes of IPv6.
  const list = ['route', 'show', 'table', 'all', 'dev', 'lo', 'proto', PROTOCOL];
  const found = await query<Shown>(tools, namespace, ['-4', ...list]);
  if (has6) found.push(...(await query<Shown>(tools, namespace, ['-6', ...list])));
  return found.map(({ type = 'unicast', dst, metric, prefsrc }) => ({
    type,
    dst,
    ...(metric && { metric }),
    ...(prefsrc && { prefsrc }),
  }));
}

async function query<T>(tools: Tools, namespace: string | undefined, args: readonly string[]): Promise<T[]> {
  const printed = await run(inNamespace(tools, namespace, [tools.ip, '-json', ...args]));
  return JSON.parse(printed.trim() || '[]') as T[];
}
