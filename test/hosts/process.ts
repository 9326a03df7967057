import { type ChildProcess, spawn } from 'node:child_process';

/** How a process ended, and all it said. */
export interface Exit {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process that runs on a host. Disposing kills it and waits. */
export interface Running extends AsyncDisposable {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Never rejects. */
  readonly exited: Promise<Exit>;
  /**
   * The first line of its output (stdout or stderr, from the beginning) that fits.
   * @throws when it ends first, or after the deadline, with what it said.
   */
  line(fits: RegExp | ((line: string) => boolean), timeoutMs?: number): Promise<string>;
  /** The last whole line of its stdout so far; empty when there is none. */
  latest(): string;
  /** Sends a signal (SIGTERM) and waits for its end. */
  kill(signal?: NodeJS.Signals): Promise<Exit>;
}

export interface ProcessOptions {
  /** Numeric user, 0 when absent; needs no passwd entry. */
  readonly uid?: number;
  /** Lets a user other than root read any file, such as a checkout under /root. */
  readonly readAll?: boolean;
  /** Lets a user other than root take calls to addresses that are not its host's (IP_TRANSPARENT), as the proxy may. */
  readonly transparent?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Given to its stdin; without it stdin is empty. */
  readonly input?: string;
  /** Leaves stdin open, for `child.stdin`. */
  readonly keepStdin?: boolean;
}

const OUTPUT_LIMIT = 16 * 1024 * 1024;

/** Starts a program inside a network namespace with that namespace's own /etc/resolv.conf; `pid` is the program's own. */
export function startIn(namespace: string, argv: readonly string[], options: ProcessOptions = {}): Running {
  const user = options.uid ? [...asUser(options.uid, options), ...argv] : argv;
  const child = spawn('ip', ['netns', 'exec', namespace, ...user], {
    cwd: options.cwd ?? '/',
    env: options.env ? { PATH: process.env['PATH'], ...options.env } : process.env,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => undefined);
  if (!options.keepStdin) child.stdin.end(options.input ?? '');
  return watch(child, argv);
}

function asUser(uid: number, { readAll, transparent }: ProcessOptions): string[] {
  const given = [...(readAll ? ['+dac_read_search'] : []), ...(transparent ? ['+net_raw'] : [])];
  const only = ['-all', ...given].join(',');
  const caps = [`--inh-caps=${only}`, ...(given.length > 0 ? [`--ambient-caps=${only}`] : [])];
  return ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', ...caps, '--'];
}

/** Watches a process that was started. @param child with pipes for its output. @param argv for messages. */
export function watch(child: ChildProcess, argv: readonly string[]): Running {
  const said = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  let ended: Exit | undefined;
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]!.setEncoding('utf8').on('data', (text: string) => {
      said[name] = (said[name] + text).slice(-OUTPUT_LIMIT);
      for (const listener of listeners) listener();
    });
  }
  const exited = new Promise<Exit>(resolve => {
    const finish = (code: number | null, signal: NodeJS.Signals | null): void => {
      ended = { code: code ?? undefined, signal: signal ?? undefined, ...said };
      resolve(ended);
      for (const listener of listeners) listener();
    };
    child.once('close', finish);
    child.once('error', error => {
      said.stderr += error.message;
      finish(127, null);
    });
  });
  const kill = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> => {
    child.kill(signal);
    return exited;
  };
  return {
    pid: child.pid ?? 0,
    child,
    exited,
    line: (fits, timeoutMs = 20_000) => lineOf({ argv, said, ended: () => ended, listeners }, fits, timeoutMs),
    latest: () => said.stdout.split('\n').at(-2) ?? '',
    kill,
    [Symbol.asyncDispose]: async () => void (await kill('SIGKILL')),
  };
}

/** A process as far as it is known. */
interface Known {
  readonly argv: readonly string[];
  readonly said: { readonly stdout: string; readonly stderr: string };
  readonly ended: () => Exit | undefined;
  /** Called when it said more, or ended. */
  readonly listeners: Set<() => void>;
}

/** See `Running.line`. */
async function lineOf(known: Known, fits: Parameters<Running['line']>[0], timeoutMs: number): Promise<string> {
  const { argv, said, listeners } = known;
  const test = fits instanceof RegExp ? (text: string): boolean => fits.test(text) : fits;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const fail = (why: string): void => reject(new Error(`${argv.join(' ')}: ${why}\n${said.stdout}${said.stderr}`));
  const look = (): void => {
    const ended = known.ended();
    const lines = [said.stdout, said.stderr].flatMap(text => text.split('\n').slice(0, ended ? undefined : -1));
    const found = lines.find(test);
    if (found !== undefined) resolve(found);
    else if (ended) fail(`ended (${ended.signal ?? ended.code}) before it said ${String(fits)}`);
  };
  const timer = setTimeout(() => fail(`did not say ${String(fits)} within ${timeoutMs} ms`), timeoutMs);
  listeners.add(look);
  try {
    look();
    return await promise;
  } finally {
    clearTimeout(timer);
    listeners.delete(look);
  }
}
