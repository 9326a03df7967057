import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/** Where a server runs. */
export interface Place {
  /** Put before every command, such as `['ip', 'netns', 'exec', 'a']`; absent: here. */
  readonly argvPrefix?: readonly string[];
  /** The IP address that it listens on; 127.0.0.1 when absent. */
  readonly address?: string;
}

/** Runs a program at a place and resolves to its output. @throws when it fails, or runs for more than 10 s. */
export async function runIn(place: Place, argv: readonly string[], input = ''): Promise<string> {
  const [program, ...rest] = [...(place.argvPrefix ?? []), ...argv];
  const child = spawn(program!, rest, { stdio: 'pipe', signal: AbortSignal.timeout(10_000), killSignal: 'SIGKILL' });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [out, problem, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}: ${problem}`);
  return out;
}

interface Request {
  readonly url: string;
  readonly method: string;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

/** An HTTP request with JSON, made at a place. @throws when the answer is not 2xx, or takes more than 10 s. */
export async function requestIn(place: Place, { url, method, body, headers }: Request): Promise<unknown> {
  const content = body === undefined ? undefined : JSON.stringify(body);
  if (place.argvPrefix) {
    const flags = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
    const data = content === undefined ? [] : ['--data-binary', '@-'];
    const answer = await runIn(
      place,
      ['curl', '-sS', '--fail-with-body', '-X', method, ...flags, ...data, url],
      content,
    );
    return answer === '' ? undefined : JSON.parse(answer);
  }
  const signal = AbortSignal.timeout(10_000);
  const response = await fetch(url, { method, headers, signal, ...(content !== undefined && { body: content }) });
  const answer = await response.text();
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}: ${answer}`);
  return answer === '' ? undefined : JSON.parse(answer);
}
