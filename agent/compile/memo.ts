interface Entry {
  readonly inputs: readonly unknown[];
  readonly value: unknown;
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
    const known = this.#entries.get(key);
    if (
      known?.inputs.length === inputs.length &&
      inputs.every((input, index) => Object.is(input, known.inputs[index]))
    ) {
      known.pass = this.#pass;
      return known.value as T;
    }
    const value = make();
    this.#entries.set(key, { inputs, value, pass: this.#pass });
    return value;
  }

  /** Ends a pass: what it did not ask for is dropped. */
  end(): void {
    for (const [key, entry] of this.#entries) if (entry.pass !== this.#pass) this.#entries.delete(key);
  }
}
