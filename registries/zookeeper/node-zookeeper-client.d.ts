/** What we use of the library, which ships no types; read from its 1.1.3. Never global: it is imported by name. */
declare module 'node-zookeeper-client' {
  import type { EventEmitter } from 'node:events';
  import type { Socket } from 'node:net';

  /** An error that the server or the library gave. */
  export interface Exception extends Error {
    /** One of the numbers in `Exception`. */
    getCode(): number;
    getPath(): string | undefined;
  }
  /** A watch that fired. */
  export interface Event {
    readonly type: number;
    readonly path: string;
  }
  export type Watcher = (event: Event) => void;

  /** Inside of a client: what a connection cannot be ended without. */
  export interface ConnectionManager {
    servers: { readonly host: string; readonly port: number }[];
    /** Called again by the library when a connection ended. */
    connect: () => void;
    readonly socket?: Socket;
    readonly connectTimeoutHandler: NodeJS.Timeout | null;
  }

  export interface Client extends EventEmitter {
    readonly connectionManager: ConnectionManager;
    connect(): void;
    close(): void;
    addAuthInfo(scheme: string, auth: Buffer): void;
    getSessionTimeout(): number;
    exists(path: string, callback: (error: Exception | null | undefined, stat: unknown) => void): void;
    exists(
      path: string,
      watcher: Watcher | undefined,
      callback: (error: Exception | null | undefined, stat: unknown) => void,
    ): void;
    getChildren(
      path: string,
      watcher: Watcher | undefined,
      callback: (error: Exception | null | undefined, children: string[]) => void,
    ): void;
    getData(
      path: string,
      watcher: Watcher | undefined,
      callback: (error: Exception | null | undefined, data: Buffer | null | undefined) => void,
    ): void;
    create(path: string, data: Buffer, callback: (error: Exception | null | undefined, path: string) => void): void;
    setData(path: string, data: Buffer, callback: (error: Exception | null | undefined) => void): void;
    remove(path: string, callback: (error: Exception | null | undefined) => void): void;
  }

  const zookeeper: {
    createClient(connectionString: string, options: { sessionTimeout: number; retries: 0 }): Client;
    readonly Exception: {
      readonly NO_NODE: number;
      readonly NO_AUTH: number;
      readonly NODE_EXISTS: number;
      readonly NOT_EMPTY: number;
    };
  };
  export default zookeeper;
}
