import type { LoadOptions, LoadReport } from './apps/load.ts';
import type { Place } from './host.ts';
import type { ProcessOptions, Running } from './process.ts';

export type { LoadOptions, LoadReport } from './apps/load.ts';

type User = Pick<ProcessOptions, 'uid'>;

const REPORT_LIMIT_MS = 60_000;

/** Starts an HTTP server that names itself in every answer; resolves when it listens. Ports are `8080` or `127.0.0.1:8080`. */
export async function startEcho(
  place: Place,
  name: string,
  ports: readonly (number | string)[],
  user: User = {},
): Promise<Running> {
  return listening(app(place, 'echo', [name, ...ports.map(String)], user), ports.at(-1)!);
}

/** Starts a TCP server that says `<name> ready` before it is asked, then echoes; resolves when it listens. */
export async function startBanner(
  place: Place,
  name: string,
  port: number | string,
  user: User = {},
): Promise<Running> {
  return listening(app(place, 'banner', [name, String(port)], user), port);
}

/** Starts a server of HTTP/1 with WebSocket, HTTP/2 (two ports) and gRPC, in that order of ports; resolves when it listens. */
export async function startProtocols(
  place: Place,
  name: string,
  ports: readonly number[],
  user: User = {},
): Promise<Running> {
  return listening(app(place, 'protocols', [name, ...ports.map(String)], user), ports.at(-1)!);
}

/** Load that goes on beside the test. */
export interface Load {
  /** Waits until what was counted so far satisfies the condition. @throws after the deadline. */
  until(condition: (report: LoadReport) => boolean, timeoutMs?: number): Promise<LoadReport>;
  /** What was counted so far, as of the last report; a report comes each 50 ms in which something happened. */
  now(): LoadReport;
  /** Ends it once the requests under way are done, and counts. */
  stop(): Promise<LoadReport>;
  /** When it ends by itself. */
  readonly ended: Promise<LoadReport>;
}

/** Starts HTTP load from a place. */
export function startLoad(place: Place, options: LoadOptions, user: User = {}): Load {
  const running = app(place, 'load', [JSON.stringify(options)], user);
  const ended = running.exited.then(exit => {
    const last = exit.stdout.trimEnd().split('\n').at(-1) ?? '';
    if (exit.code === 0 && last.includes('"ended":true')) return JSON.parse(last) as LoadReport;
    throw new Error(`load from ${place.name} ended with ${exit.signal ?? exit.code}: ${exit.stderr}`);
  });
  ended.catch(() => undefined);
  return {
    ended,
    async until(condition, timeoutMs = REPORT_LIMIT_MS) {
      const line = await running.line(text => text.startsWith('{') && condition(JSON.parse(text)), timeoutMs);
      return JSON.parse(line) as LoadReport;
    },
    now: () => JSON.parse(running.latest()) as LoadReport,
    async stop() {
      await running.kill('SIGTERM');
      return ended;
    },
  };
}

/** HTTP load to its end. */
export function runLoad(place: Place, options: LoadOptions, user: User = {}): Promise<LoadReport> {
  return startLoad(place, options, user).ended;
}

function app(place: Place, program: string, args: readonly string[], user: User): Running {
  const file = new URL(`apps/${program}.ts`, import.meta.url).pathname;
  return place.spawn([process.execPath, file, ...args], { ...user, readAll: true });
}

async function listening(running: Running, port: number | string): Promise<Running> {
  await running.line(text => text === `listening ${port}`);
  return running;
}
