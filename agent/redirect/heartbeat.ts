import { createSocket } from 'node:dgram';
import dnsPacket from 'dns-packet';
import { type Clock, systemClock } from '../../manager/model/util/clock.ts';
import { ALIVE_MS, PORTS } from './spec.ts';

/**
 * Asks the agent's own DNS server something again and again, until the signal aborts. The rules see the answers leave and keep
 * capturing DNS for two seconds after each; so capture ends by itself, in the kernel, when the server no longer answers,
 * whatever the reason. The answer itself does not matter.
 */
export async function keepDnsCaptured(
  signal: AbortSignal,
  port: number = PORTS.dns,
  clock: Clock = systemClock,
): Promise<void> {
  const question = dnsPacket.encode({ type: 'query', id: 1, questions: [{ type: 'A', name: 'alive.isthmus.mesh' }] });
  const socket = createSocket('udp4');
  // Nobody listens: nothing is kept alive, which is what should happen.
  socket.on('error', () => undefined);
  try {
    while (!signal.aborted) {
      socket.send(question, port, '127.0.0.1');
      await clock.sleep(ALIVE_MS / 4, signal).catch(() => undefined);
    }
  } finally {
    socket.close();
  }
}
