import { execFile } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { BlockList, isIP, isIPv6 } from 'node:net';
import { promisify } from 'node:util';

/** What a name stands for. */
export interface Resolved {
  /** IPv4 where there are any, else IPv6; sorted. */
  readonly addresses: readonly string[];
  /** How long that is good for, milliseconds. */
  readonly ttlMs: number;
}

const TTL_MS = 30_000;
/** One question to one server, milliseconds; each is asked twice. */
const PATIENCE_MS = 2_000;
/** Deadline of a look-up as programs do it, milliseconds. */
const LOOK_UP_MS = 10_000;
/** Such look-ups at a time: each is a process, and while name servers are silent all names of a registry come to it. */
const MOST_LOOK_UPS = 16;

/** Looks a name up as programs do. @throws when it has no address, or the signal aborts. */
type LookUp = (name: string, signal: AbortSignal) => Promise<readonly string[]>;

/** A name of the outside must not lead callers to what listens on their own host alone. */
const OWN = new BlockList();
OWN.addSubnet('0.0.0.0', 8);
OWN.addSubnet('127.0.0.0', 8);
OWN.addAddress('::', 'ipv6');
OWN.addAddress('::1', 'ipv6');

/**
 * Asks the host's name servers, as resolv.conf has them now; a name that they do not know is looked up as programs do it, with /etc/hosts and
 * search domains.
 */
export class NameResolver {
  readonly #lookUp: LookUp;
  #lookUps = 0;

  /** @param lookUp for tests. */
  constructor(lookUp: LookUp = lookUpByProcess) {
    this.#lookUp = lookUp;
  }

  /** @throws when there is no address, too many are looked up, or the signal aborts. */
  async resolve(name: string, signal: AbortSignal): Promise<Resolved> {
    const found = await asked(name, signal);
    if (found) return found;
    const looked = await this.#look(name, signal);
    const four = looked.filter(address => !isIPv6(address));
    const last = usable(four.length > 0 ? four : looked, TTL_MS);
    if (last) return last;
    throw new Error(`"${name}" has no address but such as mean this host itself`);
  }

  /** Nobody waits for a place: whoever asks comes again by itself. */
  async #look(name: string, signal: AbortSignal): Promise<readonly string[]> {
    if (this.#lookUps >= MOST_LOOK_UPS)
      throw new Error(
        `no name server has an address for "${name}", and ${MOST_LOOK_UPS} other names are being looked up`,
      );
    this.#lookUps += 1;
    try {
      return await this.#lookUp(name, signal);
    } finally {
      this.#lookUps -= 1;
    }
  }
}

async function asked(name: string, signal: AbortSignal): Promise<Resolved | undefined> {
  signal.throwIfAborted();
  const resolver = new Resolver({ timeout: PATIENCE_MS, tries: 2 });
  const ask = async (type: 'resolve4' | 'resolve6'): Promise<Resolved | undefined> => {
    const found = await resolver[type](name, { ttl: true }).catch(() => []);
    signal.throwIfAborted();
    return usable(
      found.map(({ address }) => address),
      Math.min(...found.map(({ ttl }) => ttl)) * 1000,
    );
  };
  const cancel = (): void => resolver.cancel();
  signal.addEventListener('abort', cancel);
  try {
    return (await ask('resolve4')) ?? (await ask('resolve6'));
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

/** By a process of its own: the C library looks up for as long as its servers are silent, and nothing else could end that. */
async function lookUpByProcess(name: string, signal: AbortSignal): Promise<string[]> {
  const options = { signal, timeout: LOOK_UP_MS };
  const { stdout } = await promisify(execFile)('getent', ['ahosts', '--', name], options).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw new Error(`"${name}" has no address`, { cause });
  });
  // `192.0.2.1       STREAM db.example`, once for each type of socket.
  return stdout.split('\n').flatMap(line => line.split(/\s/).slice(0, 1).filter(isIP));
}

/** Of answers what callers of this host may be led to; undefined when there is none. */
export function usable(addresses: readonly string[], ttlMs: number): Resolved | undefined {
  const outside = addresses.filter(address => !OWN.check(address, isIPv6(address) ? 'ipv6' : 'ipv4'));
  return outside.length === 0 ? undefined : { addresses: [...new Set(outside)].sort(), ttlMs };
}
