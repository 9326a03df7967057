import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { cpus } from 'node:os';
import { resolve } from 'node:path';
import { messageOf } from '../../manager/model/util/errors.ts';
import { ensureConsul } from '../../test/real/install/consul.ts';
import { createLogger } from '../log/winston.ts';
import { cacheFolder } from '../paths.ts';
import { runSuite, type Suite } from './ava.ts';
import { HOST_NEEDS, installMissing, TEST_NEEDS } from './debian.ts';
import { whyNoHosts } from './preflight.ts';
import { prepareEnvoy } from './prepare.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const MINUTE = 60_000;

/** What `npm run ok` checks besides the unit tests. */
const CHECKS: readonly (readonly [name: string, program: string, ...args: string[]])[] = [
  ['format', 'biome', 'check', '--diagnostic-level=error', '.'],
  ['types', 'tsc'],
  ['lint', 'oxlint', '--type-aware', '--quiet', '.'],
];

const UNIT: Suite = {
  name: 'unit',
  files: ['{agent,auth,manager,mixer,packaging,platforms,registries}/**/*.test.ts'],
  concurrency: Math.min(4, cpus().length),
  idleMs: MINUTE,
  limitMs: 10 * MINUTE,
};

/** A suite for each folder of `test/` that holds tests. Whole meshes under load run one at a time, lest they measure each other. */
function suites(): readonly Suite[] {
  const folders = globSync('test/**/*.test.ts', { cwd: ROOT }).map(file => file.split('/').slice(0, 2).join('/'));
  return [...new Set(folders)].sort().map(folder => ({
    name: folder,
    files: [`${folder}/**/*.test.ts`],
    config: 'test/ava.config.js',
    concurrency: folder === 'test/e2e' ? 1 : Math.min(2, cpus().length),
    idleMs: 5 * MINUTE,
    limitMs: 30 * MINUTE,
  }));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Makes ready what the tests stand on; a lack is said here, and the tests that need it fail of it. */
async function prepare(): Promise<void> {
  const logger = createLogger({ level: 'info', format: 'text', colour: false, stream: process.stdout });
  const limit = AbortSignal.timeout(60 * MINUTE);
  const steps: readonly (() => unknown)[] = [
    () => installMissing([...HOST_NEEDS, ...TEST_NEEDS], line => logger.info(line)),
    () => prepareEnvoy(logger, limit),
    () => ensureConsul(cacheFolder()),
    async () => {
      const lack = await whyNoHosts();
      if (lack) throw new Error(lack);
    },
  ];
  for (const step of steps)
    try {
      await step();
    } catch (error) {
      logger.error('the tests that need this will fail', { reason: messageOf(error) });
    }
}

function check([name, program, ...args]: (typeof CHECKS)[number]): boolean {
  const ran = spawnSync(`node_modules/.bin/${program}`, args, {
    cwd: ROOT,
    stdio: ['ignore', 1, 1],
    timeout: 5 * MINUTE,
  });
  say(`${name}: ${ran.status === 0 ? 'fine' : 'FAILED'}`);
  return ran.status === 0;
}

async function main(): Promise<void> {
  await prepare();
  let [passed, failed] = [0, CHECKS.filter(one => !check(one)).length];
  for (const suite of [UNIT, ...suites()]) {
    const started = performance.now();
    const totals = await runSuite(suite, ROOT, say);
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    say(`\n${suite.name}: ${totals.passed} of ${totals.passed + totals.failed} passed in ${seconds} s\n`);
    passed += totals.passed;
    failed += totals.failed;
  }
  say(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

await main();
