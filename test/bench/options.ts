import { parseArgs } from 'node:util';

/** What can be measured: requests a second, how soon callers follow a change, what a host with many services costs. */
export const PARTS = ['traffic', 'change', 'weight'] as const;

export type Part = (typeof PARTS)[number];

/** What the benchmark was asked to do. */
export interface BenchOptions {
  readonly parts: readonly Part[];
  /** Nothing is left out or cut short: the outcome goes into RESULTS.md. */
  readonly complete: boolean;
  readonly quick: boolean;
  readonly output: 'text' | 'json';
  /** Names of paths to leave out the others; all when empty. `direct` always runs. */
  readonly paths: readonly string[];
  /** Parts of names of loads; all when empty. */
  readonly loads: readonly string[];
  readonly rounds: number;
  /** Length of one load, whole seconds. */
  readonly seconds: number;
  /** Path of the Envoy executable; found when absent. */
  readonly envoy?: string;
}

export const HELP = `Measures Isthmus side by side with other ways of getting from a caller to a server.

  npm run bench                                 everything, some 25 minutes; writes test/bench/RESULTS.md
  npm run bench -- --quick --output json        within 5 minutes; prints [{path, load, rps, ratioToDirect, p50Ms, p99Ms, memoryMegabytes}]
  npm run bench -- --only change                how soon callers follow a change in a registry
  npm run bench -- --only weight                memory, idle processor share and start of a host with many services
  npm run bench -- --path ours --path "bare Envoys" --load "L7 keep-alive" --rounds 5

Options
  --only PART        traffic, change or weight (may be repeated); does not touch RESULTS.md
  --quick            short rounds, and traffic only unless told otherwise; does not touch RESULTS.md
  --output FORMAT    text (default) or json, on stdout; progress goes to stderr
  --path NAME        only this path, and direct (may be repeated); does not touch RESULTS.md
  --load TEXT        only loads whose name contains it (may be repeated); does not touch RESULTS.md
  --rounds N         default 9; quick: as many as fit, at most 5
  --seconds N        length of one load; default 2, quick 1
  --envoy PATH       the Envoy executable
  --help
`;

/** @throws Error with one sentence for the user when an argument is wrong. @returns undefined when help is asked for. */
export function parseOptions(args: readonly string[], paths: readonly string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true },
      quick: { type: 'boolean', default: false },
      output: { type: 'string', default: 'text' },
      path: { type: 'string', multiple: true, default: [] },
      load: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      envoy: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  if (values.output !== 'text' && values.output !== 'json')
    throw new Error(`--output must be text or json, not ${JSON.stringify(values.output)}`);
  const unknown = values.path.filter(name => !paths.includes(name));
  if (unknown.length > 0) throw new Error(`No path is named ${unknown.join(', ')}; there are ${paths.join(', ')}`);
  const preset: readonly Part[] = values.quick || values.path.length + values.load.length > 0 ? ['traffic'] : PARTS;
  return {
    parts: values.only === undefined ? preset : values.only.map(partOf),
    complete: !values.quick && values.only === undefined && preset === PARTS,
    quick: values.quick,
    output: values.output,
    paths: values.path,
    loads: values.load,
    rounds: count('rounds', values.rounds, values.quick ? 5 : 9),
    seconds: count('seconds', values.seconds, values.quick ? 1 : 2),
    ...(values.envoy === undefined ? {} : { envoy: values.envoy }),
  };
}

function partOf(name: string): Part {
  const part = PARTS.find(one => one === name);
  if (part === undefined) throw new Error(`--only must be one of ${PARTS.join(', ')}, not ${JSON.stringify(name)}`);
  return part;
}

function count(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 1000)
    throw new Error(`--${name} must be a whole number from 1 to 1000, not ${JSON.stringify(text)}`);
  return value;
}
