interface Entry {
  readonly inputs: readonly unknown[];
  readonly value: unknown;
  /** Of what is made of parts. */
  readonly parts?: Memo;
  pass: number;
}

/** Remembers results by key for as long as the inputs are the very same objects. Forgets what a pass did not ask for. */
export class Memo {
  readonly #entries = new Map<string, Entry>();
  #pass = 0;

  /** Starts a pass. */
  begin(): void {
    this.#pass += 1;
  }

  /** @param inputs everything that `make` reads, compared by identity. */
  get<T>(key: string, inputs: readonly unknown[], make: () => T): T {
    const known = this.#known(key, inputs);
    if (known) return known.value as T;
    const value = make();
    this.#entries.set(key, { inputs, value, pass: this.#pass });
    return value;
  }

  /**
   * As {@link get}, for what is made of parts: while it is as it was, nobody looks at them.
   * @param make is given a memo for the parts, that remembers them from the last time it was called under this key, and what it made then.
   */
  nest<T>(key: string, inputs: readonly unknown[], make: (parts: Memo, before: T | undefined) => T): T {
    const known = this.#known(key, inputs);
    if (known) return known.value as T;
    const before = this.#entries.get(key);
    const parts = before?.parts ?? new Memo();
    parts.begin();
    const value = make(parts, before?.value as T | undefined);
    parts.end();
    this.#entries.set(key, { inputs, value, parts, pass: this.#pass });
    return value;
  }

  /** Ends a pass: what it did not ask for is dropped. */
  end(): void {
    for (const [key, entry] of this.#entries) if (entry.pass !== this.#pass) this.#entries.delete(key);
  }

  #known(key: string, inputs: readonly unknown[]): Entry | undefined {
    const known = this.#entries.get(key);
    if (known?.inputs.length !== inputs.length) return undefined;
    if (!inputs.every((input, index) => Object.is(input, known.inputs[index]))) return undefined;
    known.pass = this.#pass;
    return known;
  }
}
