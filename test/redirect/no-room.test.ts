import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';

const NFT = new URL('../../agent/redirect/nft.ts', import.meta.url).href;

/** Tries ten scripts that `/tmp` has room for a part of, and tells what came of them and how many descriptors are left open. */
const FULL = `
import { readdirSync } from 'node:fs';
import { run } from '${NFT}';
const open = () => readdirSync('/proc/self/fd').length;
await run(['/bin/true']);
const before = open();
const said = new Set();
for (let i = 0; i < 10; i++) said.add(await run(['/usr/bin/wc', '-c'], 'x'.repeat(100_000)).catch(error => error.code));
console.log(JSON.stringify([[...said], open() - before]));`;

test('a full /tmp: no program is given a part of its script, and nothing stays open', async t => {
  const script = 'mount -t tmpfs -o size=64k none /mnt && TMPDIR=/mnt exec "$0" --input-type=module -e "$1"';
  const argv = ['--mount', 'sh', '-c', script, process.execPath, FULL];
  const { stdout } = await promisify(execFile)('unshare', argv);
  t.deepEqual(JSON.parse(stdout), [['ENOSPC'], 0]);
});

/** Runs a program when no file descriptor is left. */
const NONE = `
import { openSync } from 'node:fs';
import { run } from '${NFT}';
await run(['/bin/true']);
try { for (;;) openSync('/dev/null'); } catch (error) { if (error.code !== 'EMFILE') throw error; }
run(['/bin/true']).catch(error => process.stdout.write(error + ': ' + error.cause?.code));`;

test('without a file descriptor left: the error says so', async t => {
  const argv = ['-c', 'ulimit -n 60; exec "$0" --input-type=module -e "$1"', process.execPath, NONE];
  const { stdout } = await promisify(execFile)('bash', argv);
  t.is(stdout, 'RedirectError: Cannot run /bin/true: EMFILE');
});
