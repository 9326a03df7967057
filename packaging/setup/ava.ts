import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { AvaOutput, type Totals } from './ava-output.ts';

/** Tests that run together. */
export interface Suite {
  readonly name: string;
  readonly files: readonly string[];
  /** File of ava's settings; those of package.json when absent. */
  readonly config?: string;
  /** Test files at a time. */
  readonly concurrency: number;
  /** Longest wait between two results, milliseconds. */
  readonly idleMs: number;
  /** Longest run of the whole suite, milliseconds. */
  readonly limitMs: number;
}

/** Runs a suite with ava, passes its output on, and counts. @param cwd holds package.json and node_modules. */
export async function runSuite(suite: Suite, cwd: string, write: (line: string) => void): Promise<Totals> {
  const args = [
    `--concurrency=${suite.concurrency}`,
    `--timeout=${suite.idleMs}ms`,
    ...(suite.config ? ['--config', suite.config] : []),
  ];
  const ava = spawn('node_modules/.bin/ava', [...args, ...suite.files], {
    cwd,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0', CI: 'true' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output = new AvaOutput();
  let late = 0;
  const interrupt = setTimeout(() => {
    late = 1;
    write(
      `${suite.name}: stopped after ${suite.limitMs / 60_000} minutes; the tests named below as pending took too long`,
    );
    ava.kill('SIGINT');
  }, suite.limitMs);
  const kill = setTimeout(() => ava.kill('SIGKILL'), suite.limitMs + 60_000);
  const ended = new Promise<number>((resolve, reject) => {
    ava.once('error', reject);
    ava.once('close', code => resolve(code ?? 1));
  });
  for await (const line of createInterface({ input: ava.stdout })) {
    output.line(line);
    write(line);
  }
  const totals = output.totals(await ended);
  clearTimeout(interrupt);
  clearTimeout(kill);
  return { passed: totals.passed, failed: totals.failed + late };
}
