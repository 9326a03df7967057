/** An instance that a test lists. */
export interface Listed {
  readonly id: string;
  /** IPv4 */
  readonly address: string;
  readonly port: number;
}

/** A registry's real server, its content, and the ways to break it. */
export interface Fixture extends AsyncDisposable {
  /** An entry of `registries:` that follows it. */
  readonly entry: Readonly<Record<string, unknown>>;
  /** Makes these the instances of a service; without any the service is gone. Works while the server is `away` too. */
  put(service: string, instances: readonly Listed[]): Promise<void>;
  /** Puts an entry that cannot be used beside the others of a service. @returns what a problem must say of it. */
  corrupt(service: string): Promise<RegExp>;
  /** The server dies. */
  kill(): Promise<void>;
  /** And comes back, with the content it had. */
  start(): Promise<void>;
  /** The server cannot be reached; it lives, and its content may change. */
  away(): Promise<void>;
  /** It can be reached again, and is whole. */
  back(): Promise<void>;
  /** Whatever is read from now on breaks off after so many bytes; what is read already is read anew. */
  halve(bytes: number): Promise<void>;
  /** What the server, or the kernel, holds for those who follow: connections and watches. */
  held(): Promise<number>;
  /** How long the longest session lasts without a sign of life, milliseconds. */
  readonly sessionMs: number;
}

/** A fixture with a server that can fall silent: connected, and saying nothing. `back` ends that. */
export interface SilentFixture extends Fixture {
  silence(): void;
}
