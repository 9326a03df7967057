import { join } from 'node:path';
import { ConfigError, messageOf } from '../../manager/model/util/errors.ts';
import { Fields } from '../../manager/model/util/fields.ts';
import { readIfThere, writeAtomic } from '../../manager/model/util/files.ts';

/** What a host got when it joined: who it is, whom it trusts, and where its Managers are. */
export interface HostIdentity {
  readonly host: string;
  readonly trustDomain: string;
  /** Addresses of Managers, `10.0.0.1:15012`; at least one. */
  readonly managers: readonly string[];
  /** Private key, PEM (PKCS#8). Never leaves the host, never logged. */
  readonly key: string;
  /** PEM, leaf first. */
  readonly chain: string;
  /** PEM certificates to trust. */
  readonly roots: string;
}

/** Where the identity lies below the state folder. One file, so that a crash never leaves a key without its certificate. */
export function hostIdentityPath(stateDir: string): string {
  return join(stateDir, 'agent', 'host-identity.json');
}

/** Reads the identity back; undefined before the host joined. @throws {ConfigError} when the file is damaged. */
export async function loadHostIdentity(stateDir: string): Promise<HostIdentity | undefined> {
  const path = hostIdentityPath(stateDir);
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  const what = `the host's identity ${path}`;
  const hint = 'join again: isthmus join <manager> --token <token>';
  const fields = new Fields(parse(text, what, hint), '');
  const [host, trustDomain, key, chain, roots] = ['host', 'trustDomain', 'key', 'chain', 'roots'].map(name =>
    fields.required(name, hint),
  );
  const managers = fields.strings('managers') ?? [];
  if (managers.length === 0) fields.fail('managers', 'names no Manager', hint);
  fields.check(what);
  return { host: host!, trustDomain: trustDomain!, managers, key: key!, chain: chain!, roots: roots! };
}

/** Keeps the identity, readable by root only. */
export async function saveHostIdentity(stateDir: string, identity: HostIdentity): Promise<void> {
  await writeAtomic(hostIdentityPath(stateDir), `${JSON.stringify(identity, undefined, 1)}\n`);
}

function parse(text: Buffer, what: string, hint: string): unknown {
  try {
    return JSON.parse(String(text));
  } catch (error) {
    throw new ConfigError(what, [{ path: 'document', message: messageOf(error), hint }], { cause: error });
  }
}
