/** Which Manager a command speaks to. */
export interface ManagerAddress {
  /** Directory of `manager.sock`; used unless a URL is given. */
  readonly runDir?: string;
  /** Such as `https://127.0.0.1:15014`. */
  readonly url?: string;
  /** File with the bearer token for the URL. */
  readonly tokenFile?: string;
  /** PEM file with the root that the URL's certificate must come from. */
  readonly caFile?: string;
}

export interface ManagerRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path with its query, such as `/isthmus/v1/services`. */
  readonly path: string;
  readonly body?: unknown;
  /** `application/json` unless said. */
  readonly contentType?: string;
}

export interface ManagerAnswer {
  readonly status: number;
  /** The JSON that it answered with. */
  readonly body: unknown;
}

/** Speaks to the Manager's API. */
export interface ManagerClient {
  /** @throws {CommandError} when the Manager cannot be reached; an answer with an error status is returned. */
  request(request: ManagerRequest, signal: AbortSignal): Promise<ManagerAnswer>;
}

export type Connect = (address: ManagerAddress) => ManagerClient;
