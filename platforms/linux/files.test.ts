import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { makeFolder } from '../../test/folders.ts';
import { WorkloadFiles } from './files.ts';

test('a pipe, a device or a folder that is named like a file is named, and the others are read', async t => {
  const folder = makeFolder('workloads');
  t.teardown(() => rmSync(folder, { recursive: true }));
  execFileSync('mkfifo', [join(folder, 'a.yaml')]);
  symlinkSync('/dev/zero', join(folder, 'b.yaml'));
  mkdirSync(join(folder, 'c.yaml'));
  writeFileSync(join(folder, 'd.yaml'), 'name: web\nselector: {user: 2001}');
  const { files } = await new WorkloadFiles(folder, 'h').look();
  const problem = (name: string) => ({
    where: join(folder, name),
    why: 'is no plain file; write the workload into one, or move it away',
  });
  t.deepEqual(
    files.map(file => file.problem ?? file.document?.workload.uid),
    [problem('a.yaml'), problem('b.yaml'), problem('c.yaml'), 'h/default/web'],
  );
});
