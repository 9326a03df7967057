import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../../manager/model/util/errors.ts';
import { isRecord } from '../../manager/model/util/fields.ts';
import { readIfThere, writeAtomic } from '../../manager/model/util/files.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import type { LocalWorkload, Selector } from '../../platforms/platform.ts';

/** As whom a workload is in the mesh. */
export interface Account {
  readonly serviceAccount: string;
  readonly selector: Selector;
}

/** As whom each workload of this host was in the mesh last, also in an earlier life of the agent. */
export class Accounts {
  #known: ReadonlyMap<string, Account>;

  /** @param remembered what `toJSON` gave in an earlier life, by uid. */
  constructor(remembered: Readonly<Record<string, Account>> = {}) {
    this.#known = new Map(Object.entries(remembered));
  }

  /** Undefined when it never was. @param uid of the workload. */
  of(uid: string): Account | undefined {
    return this.#known.get(uid);
  }

  /** @param here uids of all workloads; others are forgotten. @param joined those in the mesh. @returns whether that is news. */
  update(here: Iterable<string>, joined: readonly LocalWorkload[]): boolean {
    const now = new Map(joined.map(({ workload, selector }) => [workload.uid, accountOf(workload, selector)]));
    const before = this.#known;
    this.#known = new Map(
      [...here].flatMap(uid => {
        const account = now.get(uid) ?? before.get(uid);
        return account ? [[uid, account] as const] : [];
      }),
    );
    return !isDeepStrictEqual(this.#known, before);
  }

  toJSON(): Record<string, Account> {
    return Object.fromEntries(this.#known);
  }
}

function accountOf({ serviceAccount }: LocalWorkload['workload'], selector: Selector): Account {
  return { serviceAccount, selector };
}

function accountsPath(stateDir: string): string {
  return join(stateDir, 'agent', 'accounts.json');
}

/** What an earlier life remembered; nothing when there was none, or its file is damaged. */
export async function loadAccounts(stateDir: string, logger: Logger): Promise<Accounts> {
  try {
    const remembered: unknown = JSON.parse(String((await readIfThere(accountsPath(stateDir))) ?? '{}'));
    if (isRecord(remembered) && Object.values(remembered).every(isAccount))
      return new Accounts(remembered as Record<string, Account>);
    throw new Error('not a map of accounts');
  } catch (error) {
    logger.warn('it is not remembered which service accounts the workloads of this host had', {
      reason: messageOf(error),
    });
    return new Accounts();
  }
}

/** Keeps them for the next life. @throws when they cannot be written. */
export async function saveAccounts(stateDir: string, accounts: Accounts): Promise<void> {
  await writeAtomic(accountsPath(stateDir), JSON.stringify(accounts));
}

function isAccount(value: unknown): value is Account {
  return isRecord(value) && typeof value['serviceAccount'] === 'string' && isRecord(value['selector']);
}
