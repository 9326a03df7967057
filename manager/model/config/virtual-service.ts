import type { ConfigObject } from './object.ts';

/** How a text is compared: exactly one of the three. `regex` is RE2 and must match the whole text. */
export type StringMatch = { readonly exact: string } | { readonly prefix: string } | { readonly regex: string };

/** All given conditions must hold. */
export interface HttpMatch {
  readonly name?: string;
  readonly uri?: StringMatch;
  readonly method?: StringMatch;
  readonly authority?: StringMatch;
  /** By lower-case header name. */
  readonly headers?: Readonly<Record<string, StringMatch>>;
  readonly ignoreUriCase?: boolean;
  /** Port of the service that was called. */
  readonly port?: number;
}

export interface RouteDestination {
  readonly destination: {
    /** Short (`reviews`), canonical, or any alias. */
    readonly host: string;
    readonly subset?: string;
    readonly port?: { readonly number: number };
  };
  /** Relative share; a lone destination needs none. */
  readonly weight?: number;
}

export interface HttpRetry {
  readonly attempts: number;
  /** Milliseconds. */
  readonly perTryTimeoutMs?: number;
  /** Envoy's retry conditions and HTTP statuses, comma-separated; a set that is safe for every method when absent. */
  readonly retryOn?: string;
}

export interface HttpRoute {
  readonly name?: string;
  /** Any of these; everything when empty. */
  readonly match: readonly HttpMatch[];
  readonly route: readonly RouteDestination[];
  /** Milliseconds; 0 is no limit. */
  readonly timeoutMs?: number;
  readonly retries?: HttpRetry;
}

/** `networking.istio.io/v1` VirtualService, as far as it is built. Durations are milliseconds here, `5s` on the wire. */
export interface VirtualServiceSpec {
  readonly hosts: readonly string[];
  /** First match wins. */
  readonly http: readonly HttpRoute[];
}

export type VirtualService = ConfigObject<'VirtualService', VirtualServiceSpec>;
