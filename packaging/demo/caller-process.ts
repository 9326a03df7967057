import { createInterface } from 'node:readline';
import type { Host } from '../../test/hosts/host.ts';
import type { CallerReport } from './caller.ts';
import { type Player, URL_OF_REVIEWS } from './cast.ts';

const PROGRAM = new URL('caller.ts', import.meta.url).pathname;
const NOTHING: CallerReport = { calls: 0, byInstance: {}, refused: 0, failures: {}, ended: false };

/** A caller that runs on a host as its user. */
export class CallerProcess {
  readonly #running: ReturnType<Host['spawn']>;
  readonly #waiting = new Set<() => void>();
  #report = NOTHING;
  #gone: string | undefined;

  /** @param rate calls per second. */
  constructor(host: Host, player: Player, rate: number) {
    const argv = [process.execPath, PROGRAM, URL_OF_REVIEWS, String(rate)];
    this.#running = host.spawn(argv, { uid: player.uid, readAll: true });
    createInterface({ input: this.#running.child.stdout! }).on('line', line => {
      this.#report = JSON.parse(line) as CallerReport;
      for (const look of this.#waiting) look();
    });
    void this.#running.exited.then(({ code, signal, stderr }) => {
      this.#gone = `${player.name} ended with ${signal ?? code}: ${stderr}`;
      for (const look of this.#waiting) look();
    });
  }

  /** What came of its calls so far. */
  get report(): CallerReport {
    return this.#report;
  }

  /** Resolves once what it reports is as wanted. @throws when the signal aborts, or it ends. */
  async until(wanted: (report: CallerReport) => boolean, signal: AbortSignal): Promise<CallerReport> {
    const { promise, resolve, reject } = Promise.withResolvers<CallerReport>();
    const look = (): void => {
      if (wanted(this.#report)) resolve(this.#report);
      else if (this.#gone !== undefined) reject(new Error(this.#gone));
    };
    const abort = (): void => reject(signal.reason as Error);
    this.#waiting.add(look);
    signal.addEventListener('abort', abort, { once: true });
    try {
      signal.throwIfAborted();
      look();
      return await promise;
    } finally {
      this.#waiting.delete(look);
      signal.removeEventListener('abort', abort);
    }
  }

  /** Has it finish the calls under way; resolves to its last report. */
  async stop(): Promise<CallerReport> {
    this.#running.child.kill('SIGTERM');
    return await this.until(report => report.ended, AbortSignal.timeout(15_000));
  }
}
