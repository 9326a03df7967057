import { codeOf } from '../../manager/model/util/errors.ts';
import { processStat } from '../../manager/model/util/process-stat.ts';
import type { EnvoyAdmin } from './admin.ts';

/** How an Envoy answers: it takes traffic; it begins, or ends; it does not in time; nobody is there, or another one. */
export type Sign = 'live' | 'not live' | 'silent' | 'absent';

/** Asks an Envoy once. @param epoch which of its line it is. */
export async function signOf(admin: EnvoyAdmin, epoch: number, signal: AbortSignal): Promise<Sign> {
  try {
    const info = await admin.serverInfo(signal);
    if (info.epoch !== epoch) return 'absent';
    return info.state === 'LIVE' ? 'live' : 'not live';
  } catch (error) {
    // The deadline; or so many wait for it that no more may.
    const code = codeOf((error as { readonly cause?: unknown }).cause) ?? '';
    return ['ABORT_ERR', 'EAGAIN'].includes(code) ? 'silent' : 'absent';
  }
}

export interface PulseTimes {
  /** From one question to the next while it answers. */
  readonly askMs: number;
  /** After so long without an answer it is told of. */
  readonly silentMs: number;
  /** After so long without an answer, and without any work, it hangs. */
  readonly hungMs: number;
}

const PULSE_TIMES: PulseTimes = { askMs: 4_000, silentMs: 10_000, hungMs: 30_000 };

/** Deadline of each question, milliseconds. */
export const ASK_MS = 1_000;

/** Between two questions while it does not answer, milliseconds. */
const SOON_MS = 1_000;

/** Who was late by more had no processor, and learned nothing of others, milliseconds. */
export const LATE_MS = 1_000;

/**
 * Whether a process answers, or hangs. It hangs when for a long time it let every question wait and used no processor time at all, in none
 * of its threads. So one that works, that waits for a processor (`R`) or for a disk (`D`: it would go on by itself), or that somebody
 * debugs (`t`) does not; neither does one whose questions are refused, as it may serve all the same.
 */
export class Pulse {
  readonly #times: PulseTimes;
  readonly pid: number;
  #due: number;
  /** When it answered last, or is known from, of `performance.now()`. */
  #answered = performance.now();
  /** Whether it ever answered. */
  heard = false;
  /** Since when it works nothing, and its processor time then; undefined while it answers. */
  #idle: { readonly since: number; readonly ticks: number } | undefined;

  constructor(pid: number, times: PulseTimes = PULSE_TIMES) {
    this.pid = pid;
    this.#times = times;
    this.#due = performance.now() + times.askMs;
  }

  /** Whether it is time to ask. */
  get due(): boolean {
    return performance.now() >= this.#due;
  }

  /** Since when there was no answer, milliseconds since 1970; undefined unless that is worth telling. */
  get silentSince(): number | undefined {
    const ms = performance.now() - this.#answered;
    return ms < this.#times.silentMs || this.#idle === undefined ? undefined : Date.now() - ms;
  }

  /** Asks. @returns whether it hangs. */
  async beat(ask: () => Promise<Sign>): Promise<boolean> {
    const asked = performance.now();
    const sign = await ask();
    const now = performance.now();
    const { askMs, hungMs } = this.#times;
    this.#due = now + (sign === 'live' || sign === 'not live' ? askMs : Math.min(askMs, SOON_MS));
    if (sign === 'live' || sign === 'not live') {
      this.#answered = now;
      this.heard = true;
      this.#idle = undefined;
      return false;
    }
    const { ticks, state } = processStat(this.pid) ?? { ticks: -1, state: 'X' };
    const lost = sign !== 'silent' || now - asked > ASK_MS + LATE_MS || !['S', 'T'].includes(state);
    if (lost || this.#idle?.ticks !== ticks) this.#idle = { since: now, ticks };
    return now - this.#idle!.since >= hungMs && now - this.#answered >= hungMs;
  }

  /** This process itself was held up: what was not heard meanwhile says nothing. */
  late(): void {
    this.#answered = performance.now();
    this.#idle = undefined;
  }
}
