import { makeGround } from './ground.ts';
import { prepareSandbox } from './host.ts';
import { LOADS } from './load.ts';
import { type BenchOptions, parseOptions } from './options.ts';
import { startPaths } from './paths/index.ts';
import { type Cell, failuresOf, rowOf, runRounds } from './rounds.ts';
import { tableOf } from './table.ts';

// The quick run promises to end within 5 minutes; what is left goes to starting and stopping.
const QUICK_BUDGET_MS = 220_000;
const FULL_BUDGET_MS = 3_600_000;

const progress = (line: string): void => void process.stderr.write(`${line}\n`);

async function traffic(options: BenchOptions): Promise<readonly Cell[]> {
  await using stack = new AsyncDisposableStack();
  const ground = await makeGround(stack, options.envoy!);
  const paths = await startPaths(stack, ground, options.paths);
  const loads = LOADS.filter(
    load => options.loads.length === 0 || options.loads.some(part => load.name.includes(part)),
  );
  progress('warming up');
  await runRounds(paths, loads, { rounds: 1, seconds: 1, budgetMs: 0, progress: () => {} });
  return await runRounds(paths, loads, {
    ...options,
    budgetMs: options.quick ? QUICK_BUDGET_MS : FULL_BUDGET_MS,
    progress,
  });
}

const options = parseOptions(process.argv.slice(2))!;
await prepareSandbox();
const cells = await traffic(options);
const rows = cells.map(rowOf);
process.stdout.write(options.output === 'json' ? `${JSON.stringify(rows, undefined, 2)}\n` : tableOf(cells));
for (const failure of failuresOf(cells)) {
  progress(failure);
  process.exitCode = 1;
}
