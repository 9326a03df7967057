import { writeFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { makeFolder } from '../../test/folders.ts';
import { RedirectError } from './nft.ts';
import { Table } from './table.ts';

/**
 * Keeps a table in a file as the kernel does, and takes none while there is a file `busy`. Someone else makes the table what a file `harm`
 * holds, right after a change; what a file `more` holds is shown with each table.
 */
const NFT = `#!/bin/sh
cd "$(dirname "$0")" || exit 2
case $1 in
  -f) if [ -e busy ]; then echo 'Device or resource busy' >&2; exit 1; fi
    cat > table; if [ -e harm ]; then mv harm table; fi ;;
  *) cat table 2> /dev/null || { echo 'Error: No such file or directory' >&2; exit 1; }
    cat more 2> /dev/null || true ;;
esac
`;

const RULES = { structure: 'some', elements: { users: ['1'] } };

function setUp(t: ExecutionContext): { folder: string; table: Table } {
  const folder = makeFolder('table');
  t.teardown(() => rm(folder, { recursive: true }));
  const [nft, ip] = [join(folder, 'nft'), join(folder, 'ip')];
  writeFileSync(nft, NFT, { mode: 0o755 });
  writeFileSync(ip, '#!/bin/sh\necho []\n', { mode: 0o755 });
  return { folder, table: new Table({ nft, ip, nsenter: '' }) };
}

test('rules that were removed and could not be put back at once are put back later', async t => {
  const { folder, table } = setUp(t);
  await table.apply(RULES, []);
  t.false(await table.restore());
  await rm(join(folder, 'table'));
  await writeFile(join(folder, 'busy'), '');
  await t.throwsAsync(table.restore(), { instanceOf: RedirectError, message: /busy/ });
  await rm(join(folder, 'busy'));
  t.true(await table.restore());
  t.false(await table.restore());
});

for (const harm of ['', 'less'])
  test(`rules that someone makes "${harm}" again right after they were put back are put back once more`, async t => {
    const { folder, table } = setUp(t);
    await table.apply(RULES, []);
    await writeFile(join(folder, 'table'), harm === '' ? '' : 'nothing');
    await writeFile(join(folder, 'harm'), harm);
    t.true(await table.restore());
    t.is(await readFile(join(folder, 'table'), 'utf8'), harm);
    t.true(await table.restore());
    t.regex(await readFile(join(folder, 'table'), 'utf8'), /some/);
    t.false(await table.restore());
  });

test('rules that are gone right after they were first set are put back', async t => {
  const { folder, table } = setUp(t);
  await writeFile(join(folder, 'harm'), '');
  await table.apply(RULES, []);
  t.true(await table.restore());
  t.false(await table.restore());
});

test('rules that were changed come back with the next change of elements', async t => {
  const { folder, table } = setUp(t);
  await table.apply(RULES, []);
  await writeFile(join(folder, 'table'), 'less');
  await table.apply({ ...RULES, elements: { users: ['1', '2'] } }, []);
  t.regex(await readFile(join(folder, 'table'), 'utf8'), /some/);
  t.false(await table.restore());
});

test('rules that nft shows otherwise than before are set once more, and no more', async t => {
  const { folder, table } = setUp(t);
  await table.apply(RULES, []);
  await writeFile(join(folder, 'more'), 'as newer ones do');
  t.true(await table.restore());
  t.false(await table.restore());
});
