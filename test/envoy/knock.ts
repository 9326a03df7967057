import { once } from 'node:events';
import { connect as connectHttp2, type OutgoingHttpHeaders } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';

/** For an answer, or for none. */
const PATIENCE_MS = 3_000;
const REQUEST = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';

/** Who knocks, and at which name. */
export interface Knocking extends Pick<ConnectionOptions, 'cert' | 'key' | 'servername' | 'maxVersion'> {
  readonly port: number;
}

/** What came of it: `closed`, `silence`, or what was answered. */
export type Outcome = string;

/** Sends bytes as they are, over TCP. */
export async function knockPlain(port: number, bytes: string): Promise<Outcome> {
  return await talk(connect(port, '127.0.0.1'), 'connect', bytes);
}

/** Sends bytes as they are, over TLS. */
export async function knockTls(who: Knocking, bytes: string, protocol = 'h2'): Promise<Outcome> {
  return await talk(tls(who, protocol), 'secureConnect', bytes);
}

/**
 * Asks for a tunnel, or whatever the headers say, and sends an HTTP request through it.
 * @returns the status of the tunnel, and what came through it.
 */
export async function knockTunnel(who: Knocking, headers: OutgoingHttpHeaders): Promise<Outcome> {
  const socket = tls(who, 'h2');
  const session = connectHttp2('https://tunnel', { createConnection: () => socket });
  const closed = new Promise<Outcome>(resolve => {
    session.on('error', () => resolve('closed')).on('close', () => resolve('closed'));
    socket.on('close', () => resolve('closed'));
  });
  try {
    const stream = session.request(headers, { endStream: false });
    const answered = new Promise<Outcome>(resolve => {
      stream.on('error', () => resolve('closed')).on('close', () => resolve('closed'));
      stream.on('response', ({ ':status': status }) => {
        if (status !== 200) resolve(`${status}`);
        else {
          stream.once('data', bytes => resolve(`200 ${String(bytes)}`)).on('end', () => resolve('200'));
          stream.write(REQUEST);
        }
      });
    });
    return await patient(Promise.race([answered, closed]));
  } catch {
    return 'not sent';
  } finally {
    session.destroy();
    socket.destroy();
  }
}

function tls({ port, ...options }: Knocking, protocol: string): TLSSocket {
  const socket = connectTls({
    host: '127.0.0.1',
    port,
    rejectUnauthorized: false,
    ALPNProtocols: [protocol],
    ...options,
  });
  return socket.on('error', () => undefined);
}

async function talk(socket: Socket, ready: 'connect' | 'secureConnect', bytes: string): Promise<Outcome> {
  const closed = new Promise<Outcome>(resolve => {
    socket.on('error', () => resolve('closed')).on('close', () => resolve('closed'));
  });
  const said = once(socket, ready)
    .then(() => {
      const answer = once(socket, 'data');
      socket.write(bytes);
      return answer;
    })
    .then(([answer]) => String(answer).split('\r\n')[0]!)
    .catch(() => 'closed');
  try {
    return await patient(Promise.race([said, closed]));
  } finally {
    socket.destroy();
  }
}

async function patient(outcome: Promise<Outcome>): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<Outcome>(resolve => {
    timer = setTimeout(() => resolve('silence'), PATIENCE_MS);
  });
  try {
    return await Promise.race([outcome, silence]);
  } finally {
    clearTimeout(timer);
  }
}
