import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { makeFolder } from '../../test/folders.ts';
import { planAgentFile } from './agent-file.ts';

for (const [what, make] of [
  ['a named pipe', (path: string) => execFileSync('mkfifo', [path])],
  ['a folder', (path: string) => mkdirSync(path)],
] as const)
  test(`before a host joins, an agent.yaml that is ${what} is refused`, async t => {
    const folder = makeFolder('agent-file');
    t.teardown(() => rmSync(folder, { recursive: true }));
    make(join(folder, 'agent.yaml'));
    await t.throwsAsync(planAgentFile(folder, {}, { host: 'a', address: () => '10.0.0.1' }), {
      message: `Cannot read ${folder}/agent.yaml: it is no plain file; name another --config-dir, or move it away`,
    });
  });
