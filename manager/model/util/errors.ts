/** One wrong field: where it stands, what is wrong, and how to mend it. */
export interface FieldError {
  /** Such as `spec.http[0].route[1].weight`; with a file and a line in front where they are known. */
  readonly path: string;
  readonly message: string;
  /** What to write instead. */
  readonly hint?: string;
}

/** Input that cannot be used, with every wrong field at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'CONFIG_INVALID';
  readonly errors: readonly FieldError[];

  /** @param what the thing that was read, such as `registry "consul"`. */
  constructor(what: string, errors: readonly FieldError[], options?: ErrorOptions) {
    super(`Cannot use ${what}: ${errors.map(describeFieldError).join('; ')}`, options);
    this.errors = errors;
  }
}

/** `spec.http[0].timeout: must be a duration, not "5"; try "5s"`. */
export function describeFieldError(error: FieldError): string {
  return `${error.path}: ${error.message}${error.hint ? `; ${error.hint}` : ''}`;
}

/** The message of anything that was thrown, with the messages of its causes. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.message || error.name;
  return error.cause === undefined ? own : `${own}: ${messageOf(error.cause)}`;
}

/** The `code` of an error, such as `ENOENT`; undefined when it has none. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}
