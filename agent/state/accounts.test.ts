import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { silentLogger } from '../../manager/model/util/log.ts';
import { makeFolder } from '../../test/folders.ts';
import { host, workload } from '../compile/fixtures.ts';
import { Accounts, loadAccounts, saveAccounts } from './accounts.ts';

const { local: WEB } = workload(host('a', '192.0.2.1'), 'web');
const UID = WEB.workload.uid;
const ACCOUNT = { serviceAccount: 'web', selector: WEB.selector };

test('who was in the mesh counts as long as the workload is there, whether it is in the mesh or not', t => {
  const accounts = new Accounts();
  t.false(accounts.update([UID], []));
  t.true(accounts.update([UID], [WEB]));
  t.false(accounts.update([UID], [WEB]));
  t.false(accounts.update([UID], []));
  t.deepEqual(accounts.of(UID), ACCOUNT);
  t.true(accounts.update([], []));
  t.is(accounts.of(UID), undefined);
});

test('they are remembered, and a damaged file is told of and left out', async t => {
  const folder = makeFolder('accounts');
  t.teardown(() => rm(folder, { recursive: true }));
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  t.is((await loadAccounts(folder, logger)).of(UID), undefined);
  await saveAccounts(folder, new Accounts({ [UID]: ACCOUNT }));
  t.deepEqual((await loadAccounts(folder, logger)).of(UID), ACCOUNT);
  t.deepEqual(warnings, []);
  for (const text of ['{', '[]', 'null', `{"${UID}": 1}`, `{"${UID}": {"serviceAccount": "web"}}`]) {
    await writeFile(join(folder, 'agent', 'accounts.json'), text);
    t.is((await loadAccounts(folder, logger)).of(UID), undefined, text);
  }
  t.is(warnings.length, 5);
});
