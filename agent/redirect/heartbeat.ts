import { createSocket, type Socket } from 'node:dgram';
import dnsPacket from 'dns-packet';
import { type Clock, systemClock } from '../../manager/model/util/clock.ts';
import { ALIVE_MS, PORTS } from './spec.ts';

/** Asks the agent's own DNS server, to see that it answers. The answer itself does not matter. */
export class Heartbeat implements Disposable {
  readonly #socket: Socket = createSocket('udp4');
  readonly #port: number;
  readonly #question: Buffer;

  constructor(port: number = PORTS.dns) {
    this.#port = port;
    this.#question = dnsPacket.encode({ type: 'query', id: 1, questions: [{ type: 'A', name: 'alive.isthmus.mesh' }] });
    // Nobody listens: there is no answer, which says it all.
    this.#socket.on('error', () => undefined);
    this.#socket.unref();
  }

  beat(): void {
    this.#socket.send(this.#question, this.#port, '127.0.0.1');
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

/**
 * Asks again and again until the signal aborts. The rules of the host see the answers leave and keep capturing DNS for two seconds
 * after each; so capture ends by itself, in the kernel, when the server no longer answers, whatever the reason.
 */
export async function keepDnsCaptured(
  signal: AbortSignal,
  port: number = PORTS.dns,
  clock: Clock = systemClock,
): Promise<void> {
  using heartbeat = new Heartbeat(port);
  while (!signal.aborted) {
    heartbeat.beat();
    await clock.sleep(ALIVE_MS / 4, signal).catch(() => undefined);
  }
}
