import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Backoff } from '../../manager/model/util/backoff.ts';
import { messageOf } from '../../manager/model/util/errors.ts';
import { Wake } from '../../manager/model/util/wake.ts';
import { EnvoyAdmin } from './admin.ts';
import { Deaths } from './deaths.ts';
import { type Generation, launch, upMs } from './launch.ts';
import { Line } from './line.ts';
import { listens } from './listens.ts';
import { LogFile } from './log-file.ts';
import { Obituary } from './obituary.ts';
import { prepareFolders } from './own-folders.ts';
import { type EnvoyProcessOptions, type EnvoyStart, keyOf } from './process-options.ts';
import { isAlive, type ProcessRef } from './process-ref.ts';
import { type ProcessState, readState, writeState } from './process-state.ts';
import type { EnvoyProcessStatus } from './process-status.ts';
import { ASK_MS, LATE_MS, signOf } from './pulse.ts';
import { endAll, strayEnvoys } from './strays.ts';
import { Succession } from './succession.ts';
import { Vitals } from './vitals.ts';

const STABLE_MS = 10_000;

/** Linux tells only a parent that a process died. One that is young, or suspected dead, is looked at so often, milliseconds; */
const LOOK_SOON_MS = 100;
/** any other, whose end its connections tell, so often. */
const LOOK_MS = 2_000;
/** How long it stays suspected: its connections end some moments before it does. */
const SUSPECTED_MS = 1_000;

/** Once its successor died, one that has lost its admin interface may lose its listeners too. It is looked at soon, milliseconds. */
const DOUBTED_MS = 1_000;
/** The longest wait between two tries to take over, milliseconds. */
const AGAIN_MAXIMUM_MS = 600_000;

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
  readonly #obituary: Obituary;
  /** When it started or was adopted, of `performance.now()`. */
  #since = 0;
  readonly #stableMs: number;
  readonly #deaths = new Deaths();
  /** Why no other could take over from it, when that is tried again, of `performance.now()`, and the waits in between. */
  #outdated: { readonly reason: string; readonly again: number; readonly waits: Backoff } | undefined;
  readonly #vitals: Vitals;
  readonly #line: Line;
  readonly #succession: Succession;
  readonly #stopping = new AbortController();
  #supervision: Promise<void> | undefined;
  #suspectedAt = -Infinity;
  #wake: Wake | undefined;

  constructor(options: EnvoyProcessOptions) {
    this.#options = options;
    this.#admin = new EnvoyAdmin({ socket: options.paths.admin, timeoutMs: ASK_MS });
    this.#vitals = new Vitals(this.#admin, options.log, options.pulse);
    this.#line = new Line(options.paths);
    this.#log = new LogFile(options.paths.log);
    this.#obituary = new Obituary(this.#log);
    this.#succession = new Succession(this.#admin, this.#log, options.takeOverMs);
    this.#stableMs = options.stableMs ?? STABLE_MS;
  }

  /**
   * Adopts the Envoy that runs, or starts one, and from then on starts it again whenever it dies, until the signal aborts or
   * {@link stop} is called. When the signal aborts, Envoy goes on.
   * @throws when it cannot be started at all.
   */
  async start(signal: AbortSignal): Promise<EnvoyStart> {
    const until = AbortSignal.any([signal, this.#stopping.signal]);
    const key = await keyOf(this.#options);
    const before = await this.#found(until);
    let how: EnvoyStart = 'started';
    if (before?.key === key) {
      how = 'adopted';
      await this.#watchOver(before);
    } else if (before) how = await this.#takeOver(before, key, until);
    else await this.#launchBeside(await strayEnvoys(this.#options.paths.program), key, until);
    this.#tell(how);
    this.#supervision = this.#supervise(key, until);
    return how;
  }

  /** Resolves once Envoy has its config and takes traffic. @throws the signal's reason, with why Envoy died the last time, if it did. */
  async ready(signal: AbortSignal): Promise<void> {
    while (!(await this.#isLive(signal))) {
      try {
        await delay(20, undefined, { signal });
      } catch (cause) {
        const died = this.#deaths.last === undefined ? '' : `; it died: ${this.#deaths.last}`;
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
    const deaths = this.#deaths.status();
    return {
      ...deaths,
      pid: deaths.unable === undefined ? this.#state?.pid : undefined,
      epoch: this.#state?.epoch ?? 0,
      outdated: this.#outdated?.reason,
      silentSince: this.#vitals.silentSince,
    };
  }

  /**
   * Ends Envoy: it takes no more connections, those that stand may end by themselves for a while, then it is gone.
   * @param graceMs how long that may take; 0 ends it at once.
   * @throws the signal's reason when it aborts meanwhile: Envoy then goes on, and takes no more connections.
   */
  async stop(graceMs: number, signal?: AbortSignal): Promise<void> {
    this.#stopping.abort();
    await this.#supervision;
    this.#state ??= await readState(this.#options.paths.state);
    if (this.#state !== undefined) await this.#end(this.#state, graceMs, signal);
    await endAll(await strayEnvoys(this.#options.paths.program));
    await rm(this.#options.paths.state, { force: true });
    await rm(this.#options.paths.admin, { force: true });
  }

  async #end(state: ProcessState, graceMs: number, signal?: AbortSignal): Promise<void> {
    if (graceMs > 0 && (await isAlive(state))) {
      await this.#admin.drain().catch((error: unknown) => this.#options.log.debug(messageOf(error)));
      const grace = AbortSignal.timeout(graceMs);
      await this.#admin.idle(signal ? AbortSignal.any([signal, grace]) : grace, () => isAlive(state));
      signal?.throwIfAborted();
    }
    await endAll([state]);
    await this.#line.forget(state.before);
  }

  /**
   * The Envoy that runs. Where an agent ended while one took over from another, that is brought to its end first: the one that serves
   * counts, and the other is ended.
   */
  async #found(signal: AbortSignal): Promise<ProcessState | undefined> {
    const state = await readState(this.#options.paths.state);
    // Its line goes with it.
    this.#state = state;
    if (state === undefined || !(await isAlive(state))) return undefined;
    if (state.before === undefined || !(await isAlive(state.before)) || !(await listens(state.before.pid)))
      return state;
    const failed = await this.#succession.concluded(state, state.before.pid, this.#obituary.logSize, signal);
    if (failed === undefined) return state;
    // Its key is not known, so whatever it was started with has to be tried once more.
    const before = { ...state.before, epoch: state.epoch - 1, key: '' };
    if ((await this.#succession.reach(before, signal)) === undefined) return undefined;
    await this.#admitNext();
    return before;
  }

  /** Has a new Envoy take over from one that runs. If none can, the old one goes on as long as it serves; else one begins anew. */
  async #takeOver(before: ProcessState, key: string, signal: AbortSignal): Promise<EnvoyStart> {
    const unready = await this.#succession.unready(before, signal);
    if (unready !== undefined) return await this.#goOn(before, key, unready, signal);
    let failed: string | undefined;
    try {
      await this.#launch({ epoch: before.epoch + 1, baseId: await this.#line.baseId() }, key, before);
      failed = await this.#succession.concluded(this.#state!, before.pid, this.#obituary.logSize, signal);
    } catch (error) {
      signal.throwIfAborted();
      failed = messageOf(error);
    }
    if (failed !== undefined) {
      await this.#admitNext();
      return await this.#goOn(before, key, failed, signal);
    }
    this.#outdated = undefined;
    return 'replaced';
  }

  /** None could take over from an Envoy: it goes on if it still serves, and another try will be made. */
  async #goOn(before: ProcessState, key: string, reason: string, signal: AbortSignal): Promise<EnvoyStart> {
    const { log, paths, againMs = 30_000 } = this.#options;
    this.#deaths.stillborn(reason);
    const sign = await this.#succession.reach(before, signal);
    signal.throwIfAborted();
    if (sign === undefined) {
      log.error('No new Envoy could take over, and the one before takes no connections any more; starting anew', {
        reason,
      });
      this.#outdated = undefined;
      await this.#line.forget(before);
      await this.#launch({ epoch: 0, baseId: undefined }, key);
      return 'started';
    }
    log.error('No new Envoy could take over; the one before goes on', { reason });
    const initialMs = sign === 'absent' ? Math.min(DOUBTED_MS, againMs) : againMs;
    const waits = this.#outdated?.waits ?? new Backoff({ initialMs, maximumMs: AGAIN_MAXIMUM_MS });
    this.#outdated = { reason, again: performance.now() + waits.next(), waits };
    // Should it stay as it is, the next agent finds one that is dead, and ends this one too.
    await writeState(paths.state, before).catch(this.#warn('Cannot note which Envoy goes on'));
    await this.#watchOver(before);
    return 'adopted';
  }

  async #admitNext(): Promise<void> {
    await this.#line.admitNext().catch(this.#warn('Cannot take back that an Envoy begins; none can take over'));
  }

  async #launch(generation: Generation, key: string, before?: ProcessState): Promise<void> {
    this.#since = performance.now();
    await prepareFolders(this.#options);
    if (generation.epoch === 0) await this.#line.forget(this.#state?.before);
    await this.#obituary.begin();
    await using log = await this.#log.open();
    await launch(this.#options, { ...generation, startedMs: upMs() }, log, async ref => {
      this.#since = performance.now();
      const earlier = before && { before: { pid: before.pid, start: before.start } };
      const state = { ...ref, epoch: generation.epoch, key, ...earlier };
      await writeState(this.#options.paths.state, state);
      this.#follow(state);
    });
  }

  /**
   * Starts one where others run that can neither be asked nor be followed by another: they serve until it does, and are ended then. In the
   * background, as it takes its config from who waits here.
   */
  async #launchBeside(strays: readonly ProcessRef[], key: string, signal: AbortSignal): Promise<void> {
    await this.#launch({ epoch: 0, baseId: undefined }, key);
    if (strays.length === 0) return;
    const { log, takeOverMs = 30_000 } = this.#options;
    log.error('An Envoy ran whose sockets somebody removed; another replaces it', {
      pids: strays.map(({ pid }) => pid),
    });
    const ready = this.ready(AbortSignal.any([signal, AbortSignal.timeout(takeOverMs)])).catch(() => undefined);
    void ready.then(() => endAll(strays)).catch(this.#warn('Cannot end an Envoy whose sockets somebody removed'));
  }

  async #watchOver(state: ProcessState): Promise<void> {
    this.#follow(state);
    this.#since = performance.now();
    await this.#obituary.begin();
  }

  #follow(state: ProcessState): void {
    this.#state = state;
    this.#vitals.follow(state);
  }

  async #supervise(key: string, signal: AbortSignal): Promise<void> {
    const turning = setInterval(
      () => void this.#log.bound().catch(this.#warn("cannot empty Envoy's log, which has grown too large")),
      10_000,
    );
    turning.unref();
    try {
      for (let next = await this.#next(signal); next !== 'over'; next = await this.#next(signal)) {
        const mended = this.#mended(next, key, signal);
        await mended.catch((error: unknown) => {
          if (signal.aborted) return;
          if (next === 'died') this.#deaths.failed(messageOf(error));
          this.#warn('Cannot keep Envoy running')(error);
          this.#options.onUnable?.();
        });
      }
    } finally {
      clearInterval(turning);
    }
  }

  async #mended(what: 'died' | 'outdated' | 'lost', key: string, signal: AbortSignal): Promise<void> {
    if (what === 'died') await this.#again(key, signal);
    else if (what === 'outdated') await this.#takeOverAgain(key, signal);
    else {
      const lost = this.#state!;
      await this.#pause(signal);
      if (signal.aborted) return;
      this.#deaths.died(lost, 'somebody removed its sockets');
      await this.#launchBeside([lost], key, signal);
      this.#deaths.replaced();
    }
  }

  /** Whether the next agent could not find it, or nobody ask it and take over from it. One that begins has no socket yet. */
  get #isLost(): boolean {
    const { state, admin } = this.#options.paths;
    return !existsSync(state) || (this.#vitals.heard && !this.#outdated && !existsSync(admin));
  }

  /**
   * Resolves when it died, when another is to try to take over from it, or when somebody removed its sockets; `over` when nobody wants it
   * to run any more.
   */
  async #next(signal: AbortSignal): Promise<'died' | 'outdated' | 'lost' | 'over'> {
    const wake = new Wake(signal);
    this.#wake = wake;
    while (!signal.aborted && (await isAlive(this.#state!))) {
      const now = performance.now();
      if (this.#outdated && now >= this.#outdated.again) return 'outdated';
      if (this.#isLost) return 'lost';
      await this.#vitals.ask(signal);
      const soon = now - this.#since < this.#stableMs || now - this.#suspectedAt < SUSPECTED_MS;
      const ms = Math.min(soon ? LOOK_SOON_MS : LOOK_MS, this.#options.pulse?.askMs ?? LOOK_MS);
      const before = performance.now();
      await wake.wait(ms);
      if (performance.now() - before > ms + LATE_MS) this.#vitals.late();
    }
    return signal.aborted ? 'over' : 'died';
  }

  async #takeOverAgain(key: string, signal: AbortSignal): Promise<void> {
    const how = await this.#takeOver(this.#state!, key, signal);
    if (how !== 'adopted') this.#tell(how);
  }

  #tell(how: EnvoyStart): void {
    this.#options.log.info(`Envoy ${how}`, { pid: this.#state?.pid, epoch: this.#state?.epoch });
  }

  async #again(key: string, signal: AbortSignal): Promise<void> {
    const reason = this.#vitals.killed ?? (await this.#obituary.reason());
    if (this.#deaths.died(this.#state!, reason))
      this.#options.log.error('Envoy died; starting it again', { pid: this.#state?.pid, reason });
    await this.#pause(signal);
    if (signal.aborted) return;
    this.#outdated = undefined;
    await this.#launch({ epoch: 0, baseId: undefined }, key);
    this.#deaths.replaced();
  }

  /** Another that follows soon waits ever longer. */
  async #pause(signal: AbortSignal): Promise<void> {
    if (performance.now() - this.#since >= this.#stableMs) this.#backoff.reset();
    else await delay(this.#backoff.next(), undefined, { signal }).catch(() => undefined);
  }

  async #isLive(signal: AbortSignal): Promise<boolean> {
    return this.#state !== undefined && (await signOf(this.#admin, this.#state.epoch, signal)) === 'live';
  }

  readonly #warn =
    (what: string) =>
    (error: unknown): void =>
      this.#options.log.error(what, { error: messageOf(error) });
}
