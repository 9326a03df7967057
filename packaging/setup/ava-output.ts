/** What a run of ava came to. */
export interface Totals {
  readonly passed: number;
  /** Everything that is not a passed test: failed, skipped, todo, expected to fail, crashed, left pending, never begun. */
  readonly failed: number;
}

/** Lines of ava's summary that count against a run. A skipped test proves nothing, so it counts too. */
const AGAINST = [
  /^ {2}(\d+) hooks? failed/,
  /^ {2}(\d+) tests? failed/,
  /^ {2}(\d+) known failures?$/,
  /^ {2}(\d+) tests? skipped$/,
  /^ {2}(\d+) tests? todo$/,
  /^ {2}(\d+) unhandled rejections?$/,
  /^ {2}(\d+) uncaught exceptions?$/,
  /^ {2}(\d+) tests? remained pending after a timeout$/,
];

/** What else ava says of a file that it could not run to its end. */
const BROKEN = [/^ {2}✘ No tests found in /, /^ {2}✘ Internal error/];
const EXITED = /^ {2}✘ .* exited (with a non-zero exit code|due to )/;

/** Reads the output of ava's default reporter (ava 8, no colours) line by line and counts. What tests log is indented deeper. */
export class AvaOutput {
  #passed = 0;
  #summary = false;
  #against = 0;
  #broken = 0;
  #exited = 0;

  line(line: string): void {
    if (line.startsWith('  ✔ ') && !line.startsWith('  ✔ [expected fail]')) this.#passed += 1;
    else if (line === '  ─') this.#summary = true;
    else if (BROKEN.some(pattern => pattern.test(line))) this.#broken += 1;
    else if (EXITED.test(line)) this.#exited += 1;
    else if (this.#summary)
      this.#against += AGAINST.map(pattern => Number(pattern.exec(line)?.[1] ?? 0)).reduce((a, b) => a + b);
  }

  /** @param exitCode ava's own; a run that ended badly without naming a failure counts one. */
  totals(exitCode: number): Totals {
    const named = Math.max(this.#against, this.#exited) + this.#broken;
    const bad = exitCode !== 0 || !this.#summary;
    return { passed: this.#passed, failed: named === 0 && bad ? 1 : named };
  }
}
