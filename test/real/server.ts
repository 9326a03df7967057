import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { messageOf } from '../../manager/model/util/errors.ts';
import { processStat } from '../../manager/model/util/process-stat.ts';
import { eventually } from '../eventually.ts';

/** A real server that a test started. Disposing kills it and removes its folder; so does the end of the test, however it ends. */
export interface RealServer extends AsyncDisposable {
  /** Its pid; a new one after each start. */
  readonly pid: number;
  /** Holds its data and its log. */
  readonly folder: string;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, on the same ports and data, and waits until it is ready. */
  start(): Promise<void>;
  /** `kill`, then `start`. */
  restart(): Promise<void>;
  /** All that it has said so far. */
  log(): Promise<string>;
}

export interface ServerOptions {
  /** Removed in the end. */
  readonly folder: string;
  readonly argv: readonly string[];
  /** Resolves when it answers; throws while it does not yet. */
  readonly ready: (signal: AbortSignal) => Promise<void>;
  /** Milliseconds. */
  readonly readyTimeoutMs: number;
}

const SCRIPT = new URL('supervise.sh', import.meta.url).pathname;
const PAUSE_MS = 25;

/** Starts a server and waits until it is ready. @throws with its log when it is not ready in time. */
export async function startServer(options: ServerOptions): Promise<RealServer> {
  const supervisor = new Supervisor(options.folder, options.argv);
  let pid = 0;
  const start = async (): Promise<void> => {
    pid = Number((await supervisor.ask('start')).split(' ')[1]);
    await whenReady(options, pid);
  };
  const server: RealServer = {
    get pid() {
      return pid;
    },
    folder: options.folder,
    async kill() {
      await supervisor.ask('kill');
    },
    start,
    async restart() {
      await supervisor.ask('kill');
      await start();
    },
    log: () => readFile(`${options.folder}/log`, 'utf8'),
    [Symbol.asyncDispose]: () => supervisor.end(),
  };
  try {
    await start();
    return server;
  } catch (error) {
    await supervisor.end();
    throw error;
  }
}

/** The process that runs the server and outlives the test long enough to end it. */
class Supervisor {
  readonly #child;
  readonly #answers: AsyncIterator<string>;
  readonly #ended: Promise<unknown>;

  constructor(folder: string, argv: readonly string[]) {
    this.#child = spawn('sh', [SCRIPT, folder, ...argv], {
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit'],
      cwd: '/',
    });
    this.#child.stdin.on('error', () => undefined);
    this.#ended = once(this.#child, 'exit');
    this.#answers = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  async ask(command: 'start' | 'kill'): Promise<string> {
    this.#child.stdin.write(`${command}\n`);
    const answer = await this.#answers.next();
    if (answer.done) throw new Error('the supervisor of a test server ended');
    return answer.value;
  }

  async end(): Promise<void> {
    this.#child.stdin.end();
    await this.#ended;
  }
}

async function whenReady({ ready, readyTimeoutMs, folder, argv }: ServerOptions, pid: number): Promise<void> {
  const over = new AbortController();
  const look = async (): Promise<void> => {
    if (hasEnded(pid)) over.abort(new Error('it ended'));
    await ready(AbortSignal.timeout(1000));
  };
  const patience = { timeoutMs: readyTimeoutMs, pauseMs: PAUSE_MS, signal: over.signal };
  try {
    await eventually('it is ready', look, () => true, patience);
  } catch (error) {
    const log = await readFile(`${folder}/log`, 'utf8').catch(() => '');
    throw new Error(`${argv.join(' ')}: ${messageOf(error)}; the end of its log:\n${log.slice(-4000)}`, {
      cause: error,
    });
  }
}

function hasEnded(pid: number): boolean {
  return (processStat(pid)?.state ?? 'Z') === 'Z';
}
