/** So many reasons why a registry is away are warned of until it is back, each once: some name a session, and never repeat. */
const MOST = 10;
/** One that comes and goes is warned of again after so long, milliseconds. */
const AGAIN_MS = 60_000;

/** Which warnings were given of a registry that is away. */
export class Told {
  /** When each was given. */
  readonly #at = new Map<string, number>();
  #wasBack = false;

  /** The registry is there. */
  back(): void {
    this.#wasBack = true;
  }

  /** Whether a warning is to be given now; it counts as given then. */
  isNews(warning: string, nowMs: number): boolean {
    if (this.#wasBack) for (const [one, at] of this.#at) if (nowMs - at >= AGAIN_MS) this.#at.delete(one);
    this.#wasBack = false;
    if (this.#at.has(warning) || this.#at.size >= MOST) return false;
    this.#at.set(warning, nowMs);
    return true;
  }
}
