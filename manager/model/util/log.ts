/** Facts of an event, by name. Never a secret. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Where parts say what happened. `error`: a person must act; `warn`: something is wrong and was lived with;
 * `info`: a change of state that an operator wants to see; `debug`: the rest.
 */
export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** A logger that adds these facts to each event. */
  child(fields: LogFields): Logger;
}

/** Says nothing; for tests and libraries. */
export const silentLogger: Logger = {
  error() {},
  warn() {},
  info() {},
  debug() {},
  child: () => silentLogger,
};
