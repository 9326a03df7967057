import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** RFC 6455, section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const TEXT = 0x81;
const CLOSE = 0x88;

/** The server's side of a WebSocket with short texts, such as a test needs: Node has a client only. */
export function acceptWebSocket(request: IncomingMessage, socket: Duplex, reply: (text: string) => string): void {
  const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}${GUID}`).digest('base64');
  const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
  socket.write(`${[...head, `Sec-WebSocket-Accept: ${accept}`].join('\r\n')}\r\n\r\n`);
  let pending = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes: Buffer) => {
    pending = Buffer.concat([pending, bytes]);
    // Two bytes of head, four of mask, then a payload of at most 125 bytes (section 5.2).
    for (let size = frameSize(pending); size !== undefined; size = frameSize(pending)) {
      const [kind, payload] = [pending[0], unmask(pending.subarray(2, size))];
      pending = pending.subarray(size);
      if (kind === CLOSE) socket.end(frame(CLOSE, payload));
      else socket.write(frame(TEXT, Buffer.from(reply(payload.toString()))));
    }
  });
}

function frameSize(bytes: Buffer): number | undefined {
  const size = 6 + ((bytes[1] ?? 0) & 0x7f);
  return bytes.length >= 2 && bytes.length >= size ? size : undefined;
}

function unmask(bytes: Buffer): Buffer {
  return Buffer.from(bytes.subarray(4).map((byte, index) => byte ^ bytes[index % 4]!));
}

function frame(kind: number, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([kind, payload.length]), payload]);
}
