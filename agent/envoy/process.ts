import { createHash } from 'node:crypto';
import { chmod, chown, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Backoff } from '../../manager/model/util/backoff.ts';
import { messageOf } from '../../manager/model/util/errors.ts';
import { readIfThere, writeAtomic } from '../../manager/model/util/files.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import { Wake } from '../../manager/model/util/wake.ts';
import type { JsonMap } from '../compile/resource.ts';
import { EnvoyAdmin } from './admin.ts';
import { type EnvoyProgram, envoyCommand, type Generation, launch } from './launch.ts';
import { LogFile } from './log-file.ts';
import { sharedMemory } from './paths.ts';
import { gone, isAlive, sendSignal } from './process-ref.ts';
import { type ProcessState, readState, writeState } from './process-state.ts';

export interface EnvoyProcessOptions extends EnvoyProgram {
  /** See `bootstrap()`. */
  readonly bootstrap: JsonMap;
  readonly log: Logger;
  /** An Envoy that lived for less than this died of its start, and the next try waits; 10 s unless told otherwise. Milliseconds. */
  readonly stableMs?: number;
  /** Told each time it died and could not be started again. */
  readonly onUnable?: () => void;
}

/** How Envoy came to run. */
export type EnvoyStart = 'started' | 'adopted' | 'replaced';

/** How Envoy is doing. */
export interface EnvoyProcessStatus {
  readonly pid: number | undefined;
  readonly epoch: number;
  /** How often it died and was started again. */
  readonly restarts: number;
  /** Why it died the last time. */
  readonly lastDeath: string | undefined;
}

const STABLE_MS = 10_000;

/** Linux tells only a parent that a process died. One that is young, or suspected dead, is looked at so often, milliseconds; */
const LOOK_SOON_MS = 100;
/** any other, whose end its connections tell, so often. */
const LOOK_MS = 2_000;
/** How long it stays suspected: its connections end some moments before it does. */
const SUSPECTED_MS = 1_000;

/**
 * Keeps one Envoy running. It outlives the agent: the next agent adopts it if it has the same key, and otherwise has a new Envoy take
 * over from it (hot restart) without a refused connection.
 */
export class EnvoyProcess {
  readonly #options: EnvoyProcessOptions;
  readonly #admin: EnvoyAdmin;
  readonly #log: LogFile;
  readonly #backoff = new Backoff({ initialMs: 200, maximumMs: 10_000 });
  #state: ProcessState | undefined;
  /** When it started or was adopted, of `performance.now()`, and how long its log was. */
  #since = { at: 0, logSize: 0 };
  readonly #stableMs: number;
  #restarts = 0;
  #lastDeath: string | undefined;
  #stopping = false;
  #supervision: Promise<void> | undefined;
  #suspectedAt = -Infinity;
  #wake: Wake | undefined;

  constructor(options: EnvoyProcessOptions) {
    this.#options = options;
    this.#admin = new EnvoyAdmin({ socket: options.paths.admin, timeoutMs: 1_000 });
    this.#log = new LogFile(options.paths.log);
    this.#stableMs = options.stableMs ?? STABLE_MS;
  }

  /**
   * Adopts the Envoy that runs, or starts one, and from then on starts it again whenever it dies, until the signal aborts or
   * {@link stop} is called. When the signal aborts, Envoy goes on.
   * @throws when it cannot be started at all.
   */
  async start(signal: AbortSignal): Promise<EnvoyStart> {
    const key = await this.#key();
    const before = await readState(this.#options.paths.state);
    const alive = before !== undefined && (await isAlive(before));
    let how: EnvoyStart = 'started';
    if (alive && before.key === key) {
      how = 'adopted';
      await this.#watchOver(before);
    } else if (alive) how = await this.#takeOver(before, key, signal);
    else {
      // Its line goes with it.
      this.#state = before;
      await this.#launch({ epoch: 0, baseId: undefined }, key);
    }
    this.#options.log.info(`Envoy ${how}`, { pid: this.#state?.pid, epoch: this.#state?.epoch });
    this.#supervision = this.#supervise(key, signal);
    return how;
  }

  /** Resolves once Envoy has its config and takes traffic. @throws the signal's reason, with why Envoy died the last time, if it did. */
  async ready(signal: AbortSignal): Promise<void> {
    while (!(await this.#isLive(signal))) {
      try {
        await delay(20, undefined, { signal });
      } catch (cause) {
        const died = this.#lastDeath === undefined ? '' : `; it died: ${this.#lastDeath}`;
        throw new Error(`Envoy did not get ready${died}`, { cause });
      }
    }
  }

  /** A connection of Envoy's ended: it may be dead. It is looked at now. */
  suspect(): void {
    this.#suspectedAt = performance.now();
    this.#wake?.call();
  }

  /** Resolves when nothing more is done for it, after the signal of its start aborted. */
  async released(): Promise<void> {
    await this.#supervision;
  }

  status(): EnvoyProcessStatus {
    const { pid, epoch = 0 } = this.#state ?? {};
    return { pid, epoch, restarts: this.#restarts, lastDeath: this.#lastDeath };
  }

  /**
   * Ends Envoy: it takes no more connections, those that stand may end by themselves for a while, then it is gone.
   * @param graceMs how long that may take; 0 ends it at once.
   * @throws the signal's reason when it aborts meanwhile: Envoy then goes on, and takes no more connections.
   */
  async stop(graceMs: number, signal?: AbortSignal): Promise<void> {
    this.#stopping = true;
    this.#state ??= await readState(this.#options.paths.state);
    if (this.#state !== undefined) await this.#end(this.#state, graceMs, signal);
    this.suspect();
    await this.#supervision;
    await rm(this.#options.paths.state, { force: true });
    await rm(this.#options.paths.admin, { force: true });
  }

  async #end(state: ProcessState, graceMs: number, signal?: AbortSignal): Promise<void> {
    if (graceMs > 0 && (await isAlive(state))) {
      await this.#admin.drain().catch((error: unknown) => this.#options.log.debug(messageOf(error)));
      const grace = AbortSignal.timeout(graceMs);
      await this.#idle(signal ? AbortSignal.any([signal, grace]) : grace);
      signal?.throwIfAborted();
    }
    if (await sendSignal(state, 'SIGTERM')) {
      await gone(state, AbortSignal.timeout(5_000)).catch(() => sendSignal(state, 'SIGKILL'));
      await gone(state, AbortSignal.timeout(5_000));
    }
    await this.#forgetLine();
  }

  /** Resolves when no connection is left, or the signal aborts. */
  async #idle(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const stats = await this.#admin.stats('^listener\\..*\\.downstream_cx_active$', signal).catch(() => []);
      const busy = stats.some(({ name, value }) => value > 0 && !name.includes('admin'));
      if (!busy) return;
      await delay(100, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Its first config; folders and rights: only Envoy's user may enter its own folder, and it must pass through those on its way. */
  async #prepare(): Promise<void> {
    const { paths, uid, gid } = this.#options;
    for (const folder of [dirname(paths.own), dirname(paths.program)]) {
      await mkdir(folder, { recursive: true });
      await chmod(folder, (await stat(folder)).mode | 0o111);
    }
    await mkdir(paths.own, { recursive: true, mode: 0o711 });
    if (process.getuid?.() === 0) await chown(paths.own, uid, gid);
    await chmod(paths.own, 0o700);
    await writeAtomic(paths.bootstrap, JSON.stringify(this.#options.bootstrap), 0o644);
  }

  async #key(): Promise<string> {
    const { binary, uid, gid, capabilities = [] } = this.#options;
    const { size, mtimeMs } = await stat(binary);
    const command = envoyCommand(this.#options, { epoch: 0, baseId: undefined });
    const all = [this.#options.bootstrap, command, binary, uid, gid, capabilities, size, mtimeMs];
    return createHash('sha256').update(JSON.stringify(all)).digest('base64url');
  }

  /** Has a new Envoy take over from one that runs. If the new one cannot be started, or dies of its start, the old one goes on. */
  async #takeOver(before: ProcessState, key: string, signal: AbortSignal): Promise<EnvoyStart> {
    try {
      await this.#launch({ epoch: before.epoch + 1, baseId: await this.#baseId() }, key, before);
    } catch (error) {
      return this.#goOn(before, messageOf(error));
    }
    const fresh = this.#state!;
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(30_000)]);
    while (!(await this.#isLive(deadline))) {
      if (!(await isAlive(fresh))) return this.#goOn(before, await this.#log.reason(this.#since.logSize));
      await delay(50, undefined, { signal: deadline });
    }
    return 'replaced';
  }

  /** The Envoy that runs goes on, as none could take over from it. */
  async #goOn(before: ProcessState, reason = 'it left no word'): Promise<EnvoyStart> {
    this.#lastDeath = reason;
    this.#options.log.error('No new Envoy could take over; the one before goes on', { reason });
    // Should it stay as it is, the next agent finds one that is dead, and ends this one too.
    await writeState(this.#options.paths.state, before).catch(this.#warn('Cannot note which Envoy goes on'));
    await this.#watchOver(before);
    return 'adopted';
  }

  async #launch(generation: Generation, key: string, before?: ProcessState): Promise<void> {
    this.#since = { ...this.#since, at: performance.now() };
    await this.#prepare();
    if (generation.epoch === 0) await this.#forgetLine();
    const logSize = await this.#log.size();
    await using log = await this.#log.open();
    await launch(this.#options, generation, log, async ref => {
      this.#since = { at: performance.now(), logSize };
      const earlier = before && { before: { pid: before.pid, start: before.start } };
      const state = { ...ref, epoch: generation.epoch, key, ...earlier };
      await writeState(this.#options.paths.state, state);
      this.#state = state;
    });
  }

  async #watchOver(state: ProcessState): Promise<void> {
    this.#state = state;
    this.#since = { at: performance.now(), logSize: await this.#log.size() };
  }

  async #supervise(key: string, signal: AbortSignal): Promise<void> {
    const turning = setInterval(
      () => void this.#log.bound().catch(this.#warn("cannot empty Envoy's log, which has grown too large")),
      10_000,
    );
    turning.unref();
    try {
      while (await this.#died(signal)) {
        await this.#again(key, signal).catch((error: unknown) => {
          this.#warn('Cannot keep Envoy running')(error);
          this.#options.onUnable?.();
        });
      }
    } finally {
      clearInterval(turning);
    }
  }

  /** Resolves when Envoy died; false when nobody wants it to run any more. */
  async #died(signal: AbortSignal): Promise<boolean> {
    const wake = new Wake(signal);
    this.#wake = wake;
    while (!signal.aborted && (await isAlive(this.#state!))) {
      const now = performance.now();
      const soon = now - this.#since.at < this.#stableMs || now - this.#suspectedAt < SUSPECTED_MS;
      await wake.wait(soon ? LOOK_SOON_MS : LOOK_MS);
    }
    return !signal.aborted && !this.#stopping;
  }

  async #again(key: string, signal: AbortSignal): Promise<void> {
    const lived = performance.now() - this.#since.at;
    this.#restarts += 1;
    this.#lastDeath = (await this.#log.reason(this.#since.logSize)) ?? 'it left no word';
    this.#options.log.error('Envoy died; starting it again', { pid: this.#state?.pid, reason: this.#lastDeath });
    if (lived >= this.#stableMs) this.#backoff.reset();
    else await delay(this.#backoff.next(), undefined, { signal }).catch(() => undefined);
    if (signal.aborted || this.#stopping) return;
    await this.#launch({ epoch: 0, baseId: undefined }, key);
  }

  async #isLive(signal: AbortSignal): Promise<boolean> {
    const info = await this.#admin.serverInfo(signal).catch(() => undefined);
    return info?.state === 'LIVE' && info.epoch === this.#state?.epoch;
  }

  /** The number of the line of Envoys, as the first of them wrote it. */
  async #baseId(): Promise<number | undefined> {
    const text = (await readIfThere(this.#options.paths.baseId))?.toString('utf8').trim() ?? '';
    return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
  }

  /** Ends what is left of a line of Envoys whose last is dead: one that was finishing, and what a killed one leaves behind. */
  async #forgetLine(): Promise<void> {
    const before = this.#state?.before;
    if (before !== undefined && (await sendSignal(before, 'SIGKILL'))) await gone(before, AbortSignal.timeout(5_000));
    const id = await this.#baseId();
    if (id !== undefined) await rm(sharedMemory(id), { force: true });
    const { own, takeOver, baseId } = this.#options.paths;
    const sockets = (await readdir(own)).map(name => join(own, name)).filter(path => path.startsWith(takeOver));
    for (const path of [...sockets, baseId]) await rm(path, { force: true });
  }

  readonly #warn =
    (what: string) =>
    (error: unknown): void =>
      this.#options.log.error(what, { error: messageOf(error) });
}
