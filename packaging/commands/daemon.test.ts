import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { makeFolder } from '../../test/folders.ts';
import { readConfigFile } from './daemon.ts';

const CASES: readonly [what: string, make: (path: string) => unknown, found: RegExp | string | undefined][] = [
  ['nothing', () => undefined, undefined],
  ['a file', path => writeFileSync(path, 'name: x'), 'x'],
  ['a folder', path => mkdirSync(path), /^Cannot read \S+\/some\.yaml: it is no plain file/],
  ['a named pipe', path => execFileSync('mkfifo', [path]), /^Cannot read \S+: it is no plain file/],
  ['a device', path => symlinkSync('/dev/zero', path), /^Cannot read \S+: it is no plain file/],
];

for (const [what, make, found] of CASES)
  test(`a file of the configuration that is ${what}`, async t => {
    const folder = makeFolder('daemon');
    t.teardown(() => rmSync(folder, { recursive: true }));
    make(join(folder, 'some.yaml'));
    const name = readConfigFile(folder, 'some.yaml', fields => fields.string('name'));
    if (found instanceof RegExp) await t.throwsAsync(name, { message: found });
    else t.is(await name, found);
  });
