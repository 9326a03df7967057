import { execFile } from 'node:child_process';
import { stat, statfs } from 'node:fs/promises';
import { promisify } from 'node:util';
import { codeOf } from '../../manager/model/util/errors.ts';
import { namespaceIdOf } from '../platform.ts';

/** What the host knows of users and network namespaces. */
export interface System {
  /** The uid of a user, from /etc/passwd or wherever else the host keeps users; undefined when there is none. */
  uidOf(user: string): Promise<number | undefined>;
  /** The user that has a uid; undefined when none has. */
  userOf(uid: number): Promise<string | undefined>;
  /** Tells one network namespace from another, see `Selector`; undefined when there is none at that path. */
  namespaceId(path: string): Promise<string | undefined>;
  /** Global addresses inside a network namespace. */
  addressesIn(path: string): Promise<readonly string[]>;
}

/** The kernel's file system of namespaces (NSFS_MAGIC, linux/magic.h). */
const NAMESPACE_FILES = 0x6e_73_66_73;
const LIMIT_MS = 5000;
interface Link {
  /** iproute2 leaves empty objects where an address is of another scope. */
  readonly addr_info?: readonly { readonly local?: string }[];
}

const execute = promisify(execFile);

/** A user that is not in /etc/passwd is asked for again after so long, milliseconds. */
const ASK_AGAIN_MS = 10_000;

interface User {
  readonly name: string;
  readonly uid: number;
}

/** The running system. Asking for a user costs a process, so answers are kept until /etc/passwd changes. */
export function linuxSystem(): System {
  const known = new Map<
    string,
    { readonly version: string; readonly user: User | undefined; readonly until: number }
  >();
  const find = async (key: string): Promise<User | undefined> => {
    const { ino, mtimeNs } = await stat('/etc/passwd', { bigint: true });
    const version = `${ino} ${mtimeNs}`;
    const before = known.get(key);
    if (before?.version === version && performance.now() < before.until) return before.user;
    const user = await askForUser(key);
    known.set(key, { version, user, until: user === undefined ? performance.now() + ASK_AGAIN_MS : Infinity });
    return user;
  };
  return {
    uidOf: async user => (await find(user))?.uid,
    userOf: async uid => (await find(`${uid}`))?.name,
    namespaceId,
    addressesIn,
  };
}

/** @param key name or uid. */
async function askForUser(key: string): Promise<User | undefined> {
  try {
    const { stdout } = await execute('/usr/bin/getent', ['passwd', '--', key], { timeout: LIMIT_MS });
    const [name = '', , uid = ''] = stdout.split(':');
    return uid === '' ? undefined : { name, uid: Number(uid) };
  } catch (error) {
    // getent(1): 2 is "not found".
    if ((error as { code?: unknown }).code === 2) return undefined;
    throw error;
  }
}

async function namespaceId(path: string): Promise<string | undefined> {
  try {
    // The file is there a moment before the namespace is mounted on it.
    if ((await statfs(path)).type !== NAMESPACE_FILES) return undefined;
    return namespaceIdOf(await stat(path));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}

async function addressesIn(path: string): Promise<readonly string[]> {
  const args = [`--net=${path}`, '--', 'ip', '-json', 'address', 'show', 'scope', 'global'];
  const { stdout } = await execute('/usr/bin/nsenter', args, { timeout: LIMIT_MS });
  const links = JSON.parse(stdout.trim() || '[]') as readonly Link[];
  return links.flatMap(link => link.addr_info ?? []).flatMap(({ local }) => local ?? []);
}
