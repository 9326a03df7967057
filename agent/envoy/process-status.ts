/** How Envoy is doing. */
export interface EnvoyProcessStatus {
  readonly pid: number | undefined;
  readonly epoch: number;
  /** How often it died and was started again. */
  readonly restarts: number;
  /** Why it died the last time. */
  readonly lastDeath: string | undefined;
  /** That it dies again and again, and why the last time; undefined when it does not. */
  readonly dying: string | undefined;
  /** Why none runs, as none can be started; that is tried again. */
  readonly unable: string | undefined;
  /** Why it runs with settings of before, if it does: no new one could take over, so far. */
  readonly outdated: string | undefined;
  /** Since when it does not answer, milliseconds since 1970; undefined when it does. */
  readonly silentSince: number | undefined;
}
