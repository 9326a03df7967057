import { rm, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { runSuite } from '../../packaging/setup/ava.ts';
import type { Totals } from '../../packaging/setup/ava-output.ts';
import { makeFolder } from '../folders.ts';

/** Runs real ava over test files made of the given bodies, and compares what was counted. */
async function run(t: ExecutionContext, expected: Totals, bodies: readonly string[]): Promise<void> {
  const cwd = makeFolder('ava');
  t.teardown(() => rm(cwd, { recursive: true }));
  await symlink(resolve('node_modules'), join(cwd, 'node_modules'));
  await writeFile(join(cwd, 'package.json'), '{"type":"module","ava":{"extensions":["ts"],"files":["*.test.ts"]}}');
  await Promise.all(
    bodies.map((body, n) => writeFile(join(cwd, `f${n}.test.ts`), `import test from 'ava';\n${body}\n`)),
  );
  const suite = { name: 'x', files: ['*.test.ts'], concurrency: 2, idleMs: 4000, limitMs: 30_000 };
  const lines: string[] = [];
  const totals = await runSuite(suite, cwd, line => lines.push(line));
  if (!t.deepEqual(totals, expected)) t.log(lines.join('\n'));
}

const good = `test('good', t => t.pass()); test('also', t => t.pass());`;
const cases: readonly (readonly [string, readonly string[], Totals])[] = [
  ['tests that pass', [good], { passed: 2, failed: 0 }],
  ['a test that fails', [good, `test('bad', t => t.fail());`], { passed: 2, failed: 1 }],
  [
    'a test that is skipped, left to do, or expected to fail',
    [good, `test['skip']('s', t => t.pass()); test['todo']('t'); test['failing']('f', t => t.fail());`],
    { passed: 2, failed: 3 },
  ],
  ['a file that does not load', [good, `import './nowhere.ts';`], { passed: 2, failed: 1 }],
  ['a file without tests', [good, ''], { passed: 2, failed: 1 }],
  [
    'a test that never ends',
    [`test('hangs', () => new Promise(() => setInterval(() => {}, 1000)));`, good],
    { passed: 2, failed: 1 },
  ],
  [
    'a hook that fails',
    [`test.before(() => { throw new Error('x'); }); test('never', t => t.pass());`],
    { passed: 0, failed: 1 },
  ],
  ['a process that exits', [`test('exits', () => process.exit(3));`], { passed: 0, failed: 1 }],
];

for (const [title, bodies, expected] of cases)
  test(`counts ${title}`, async t => {
    await run(t, expected, bodies);
  });

test('counts a run without files as failed', async t => {
  await run(t, { passed: 0, failed: 1 }, []);
});
