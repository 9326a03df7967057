import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { makeFolder } from '../../test/folders.ts';
import { RedirectError } from './nft.ts';
import { Table } from './table.ts';

/** Keeps a table in a file as the kernel does, and takes none while there is a file `busy`. */
const NFT = `#!/bin/sh
cd "$(dirname "$0")" || exit 2
case $1 in
  -f) if [ -e busy ]; then echo 'Device or resource busy' >&2; exit 1; fi; cat > table ;;
  *) cat table 2> /dev/null || { echo 'Error: No such file or directory' >&2; exit 1; } ;;
esac
`;

test('rules that were removed and could not be put back at once are put back later', async t => {
  const folder = makeFolder('table');
  t.teardown(() => rm(folder, { recursive: true }));
  const [nft, ip] = [join(folder, 'nft'), join(folder, 'ip')];
  await writeFile(nft, NFT, { mode: 0o755 });
  await writeFile(ip, '#!/bin/sh\necho []\n', { mode: 0o755 });
  const table = new Table({ nft, ip, nsenter: '' });
  await table.apply({ structure: '', elements: {} }, []);
  t.false(await table.restore());
  await rm(join(folder, 'table'));
  await writeFile(join(folder, 'busy'), '');
  await t.throwsAsync(table.restore(), { instanceOf: RedirectError, message: /busy/ });
  await rm(join(folder, 'busy'));
  t.true(await table.restore());
  t.false(await table.restore());
});
