import { setTimeout as delay } from 'node:timers/promises';
import type { ConsulClient } from './client.ts';

/** Between an answer and the next question, milliseconds. */
const PAUSE_MS = 5_000;

/**
 * Asks for a sign of life, some bytes that every Consul has at hand, until the signal aborts. A server that fell silent (its host is
 * gone, the network drops everything) looks like a blocking query without news until its wait is over; here it is noticed sooner.
 * @throws when no answer comes in time.
 */
export async function pulse(client: ConsulClient, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await delay(PAUSE_MS, undefined, { signal });
    await client.read('leader', signal);
  }
}
