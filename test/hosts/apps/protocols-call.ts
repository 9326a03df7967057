/**
 * Calls a server of `protocols.ts` and prints what came as one line of JSON: `protocols-call.ts <kind> <url or host:port> [argument]`. Kinds:
 * `http2`, `grpc-say`, `grpc-count`, `websocket`, `post` (so many bytes), `expect` (asks before it sends), `trailers` (of
 * HTTP/1, both ways).
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:http2';
import { text } from 'node:stream/consumers';
import { credentials, type Metadata, makeClientConstructor, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { ECHO } from './grpc-echo.ts';

const DEADLINE_MS = 20_000;
const [kind = '', target = '', argument = ''] = process.argv.slice(2);

type Calls = {
  Say(
    request: Buffer,
    options: { deadline: number },
    done: (error: ServiceError | null, answer?: Buffer) => void,
  ): { on(event: 'status', listener: (status: StatusObject) => void): void };
  Count(request: Buffer, options: { deadline: number }): NodeJS.EventEmitter;
};

function grpc(): Calls {
  const Client = makeClientConstructor(ECHO, 'Echo');
  return new Client(target, credentials.createInsecure()) as unknown as Calls;
}

const plain = ({ code, details, metadata }: StatusObject): object => ({ code, details, end: ends(metadata) });
const ends = (metadata: Metadata): unknown => metadata.get('x-end')[0];
const deadline = (): { deadline: number } => ({ deadline: Date.now() + DEADLINE_MS });

const KINDS: Readonly<Record<string, () => Promise<unknown>>> = {
  async http2() {
    const session = connect(target);
    const stream = session.request({ ':path': '/two' });
    const [headers] = (await once(stream, 'response')) as [Record<string, string>];
    let trailers: Record<string, string> = {};
    stream.on('trailers', (found: Record<string, string>) => (trailers = found));
    const body = await text(stream);
    session.close();
    return { status: headers[':status'], end: trailers['x-end'], body: JSON.parse(body) as unknown };
  },
  async 'grpc-say'() {
    const { promise, resolve } = Promise.withResolvers<StatusObject>();
    let answer = '';
    grpc()
      .Say(Buffer.from(argument), deadline(), (_, bytes) => (answer = bytes?.toString() ?? ''))
      .on('status', resolve);
    const ended = await promise;
    return { answer, ...plain(ended) };
  },
  async 'grpc-count'() {
    const call = grpc().Count(Buffer.from(argument), deadline());
    const messages: string[] = [];
    call.on('data', (bytes: Buffer) => messages.push(bytes.toString())).on('error', () => undefined);
    const [ended] = (await once(call, 'status')) as [StatusObject];
    return { messages: messages.length, last: messages.at(-1), ...plain(ended) };
  },
  async websocket() {
    const socket = new WebSocket(target);
    await once(socket, 'open');
    const messages: string[] = [];
    for (const word of ['one', 'two', 'three']) {
      socket.send(word);
      const [event] = (await once(socket, 'message')) as [MessageEvent];
      messages.push(String(event.data));
    }
    socket.close(1000);
    const [closed] = (await once(socket, 'close')) as [CloseEvent];
    return { messages, clean: closed.wasClean, code: closed.code };
  },
  async post() {
    const [chunk, count] = [Buffer.alloc(65_536, 'isthmus '), Number(argument) / 65_536];
    const hash = createHash('sha256');
    const call = request(target, { method: 'POST' });
    const answered = once(call, 'response') as Promise<[Parameters<typeof text>[0]]>;
    for (let sent = 0; sent < count; sent += 1) {
      hash.update(chunk);
      if (!call.write(chunk)) await once(call, 'drain');
    }
    call.end();
    const [response] = await answered;
    return { sha256: hash.digest('hex'), body: JSON.parse(await text(response)) as unknown };
  },
  async trailers() {
    const call = request(target, { method: 'POST', headers: { te: 'trailers', trailer: 'x-end' } });
    call.write('hello');
    call.addTrailers({ 'x-end': 'sent' });
    call.end();
    const [response] = (await once(call, 'response')) as [
      Parameters<typeof text>[0] & { statusCode: number; trailers: Record<string, string> },
    ];
    const body = JSON.parse(await text(response)) as unknown;
    return { status: response.statusCode, end: response.trailers['x-end'], body };
  },
  async expect() {
    const call = request(target, { method: 'POST', headers: { expect: '100-continue', 'content-length': 5 } });
    let continued = false;
    call.on('continue', () => {
      continued = true;
      call.end('hello');
    });
    call.flushHeaders();
    const [response] = (await once(call, 'response')) as [Parameters<typeof text>[0] & { statusCode: number }];
    const body = await text(response);
    call.destroy();
    return { continued, status: response.statusCode, body };
  },
};

const call = KINDS[kind];
if (!call) throw new Error(`no kind "${kind}"; try ${Object.keys(KINDS).join(', ')}`);
setTimeout(() => process.exit(3), DEADLINE_MS).unref();
console.log(JSON.stringify(await call()));
process.exit(0);
