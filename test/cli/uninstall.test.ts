import { rm } from 'node:fs/promises';
import test from 'ava';
import { runCommand } from '../../manager/cli/command.ts';
import { agentUninstallCommand } from '../../packaging/commands/agent-uninstall.ts';
import { makeFolder } from '../folders.ts';

test('an uninstall that is given up says that it is not done, and how to finish it', async t => {
  const folder = makeFolder('uninstall');
  t.teardown(() => rm(folder, { recursive: true }));
  let err = '';
  const code = await runCommand(agentUninstallCommand, ['--run-dir', folder, '--state-dir', folder], {
    stdout: { write: () => undefined },
    stderr: { write: text => (err += text) },
    stdin: async () => '',
    isTTY: false,
    columns: 80,
    connect: () => ({ request: () => Promise.reject(new Error('not in an uninstall')) }),
    // Nothing of the machine is touched then.
    signal: AbortSignal.abort(),
  });
  t.is(code, 1);
  t.is(err, 'This host is not yet out of the mesh as a whole\nTry: isthmus agent uninstall, which finishes it\n');
});
