import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { type Clock, systemClock } from '../../manager/model/util/clock.ts';
import { codeOf, messageOf } from '../../manager/model/util/errors.ts';

/** How a host resolves names: resolv.conf(5). */
export interface Resolvers {
  /** IP addresses, asked in this order; at least one. */
  readonly servers: readonly string[];
  /** Begin with another server each time. */
  readonly rotate: boolean;
}

/** As many servers as glibc reads. */
const MOST_SERVERS = 3;
const LOOK_MS = 1000;
/** Writes closer together than this may bear the same times, milliseconds: a file so young is read again at the next look. */
const YOUNG_MS = 50;

/** Reads a resolv.conf. One that names no server means the server on this host, as glibc has it. */
export function parseResolvConf(text: string): Resolvers {
  const servers: string[] = [];
  let rotate = false;
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line.trim().split(/[ \t]+/);
    const [server = ''] = values;
    if (keyword === 'nameserver' && isIP(server.split('%', 1)[0]!) !== 0 && servers.length < MOST_SERVERS)
      servers.push(server);
    if (keyword === 'options' && values.includes('rotate')) rotate = true;
  }
  return { servers: servers.length > 0 ? servers : ['127.0.0.1'], rotate };
}

/** Reads a resolv.conf; one that is not there is as good as an empty one. */
export async function readResolvConf(path: string): Promise<Resolvers> {
  try {
    return parseResolvConf(await readFile(path, 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return parseResolvConf('');
    throw error;
  }
}

export interface Following {
  /** Called at once, and then with each change. */
  readonly onChange: (resolvers: Resolvers) => void;
  /** Called when the file cannot be read, once for each reason. What it said before holds on. */
  readonly onUnreadable: (reason: string) => void;
}

/**
 * Follows the host's resolvers until the signal aborts. Looks once a second: the file is often a link into a folder that another program
 * replaces, which no watch survives. A look at an unchanged file reads nothing.
 */
export async function followResolvConf(
  path: string,
  { onChange, onUnreadable }: Following,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<void> {
  let before = '';
  let version: string | undefined;
  let unreadable: string | undefined;
  while (!signal.aborted) {
    try {
      const next = versionOf(path);
      if (next === undefined || next !== version) {
        const resolvers = await readResolvConf(path);
        const text = JSON.stringify(resolvers);
        if (text !== before) onChange(resolvers);
        before = text;
      }
      version = next;
      unreadable = undefined;
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== unreadable) onUnreadable(reason);
      version = undefined;
      unreadable = reason;
    }
    await clock.sleep(LOOK_MS, signal).catch(() => undefined);
  }
}

/** Changes when the file does; undefined when that could not be told. */
function versionOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (!found) return 'none';
  const { dev, ino, size, ctimeMs, ctimeNs } = found;
  return Date.now() - Number(ctimeMs) > YOUNG_MS ? `${dev} ${ino} ${size} ${ctimeNs}` : undefined;
}
