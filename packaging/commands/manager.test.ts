import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { runCommand } from '../../manager/cli/command.ts';
import { makeFolder } from '../../test/folders.ts';
import { managerCommand } from './manager.ts';

/** Runs a Manager whose CA is in files of a folder, until the signal aborts. @returns what it says on standard error. */
async function told(t: ExecutionContext, ca: string, signal: AbortSignal): Promise<string> {
  const folder = makeFolder('manager-command');
  t.teardown(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'config'));
  writeFileSync(join(folder, 'config', 'manager.yaml'), `ca: ${ca.replaceAll('FOLDER', folder)}`);
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  let err = '';
  const argv = ['config', 'state', 'run'].flatMap(name => [`--${name}-dir`, join(folder, name)]);
  const code = await runCommand(managerCommand, argv, {
    stdout: { write: () => undefined },
    stderr: { write: text => (err += text) },
    stdin: async () => '',
    isTTY: false,
    columns: 80,
    connect: () => ({ request: () => Promise.reject(new Error('not by a Manager')) }),
    signal,
  });
  t.is(code, 1);
  return err.replaceAll(folder, 'FOLDER');
}

for (const ca of [
  '{certificate: FOLDER/pipe, key: FOLDER/pipe}',
  '{pkcs12: FOLDER/ca.p12, passphraseFile: FOLDER/pipe}',
])
  test(`a Manager that waits for the writer of a pipe with its CA, ${ca}, ends by a signal`, async t => {
    t.regex(await told(t, ca, AbortSignal.timeout(200)), /^Stopped\n/);
  });

test('which file of the CA cannot be read is said once', async t => {
  t.is(
    await told(t, '{certificate: FOLDER/none, key: FOLDER/none}', AbortSignal.timeout(30_000)),
    'Cannot read FOLDER/none: ENOENT: no such file or directory, stat \'FOLDER/none\'\nTry: the entry "ca" of manager.yaml\n',
  );
});
