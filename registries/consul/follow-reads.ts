import { Bucket } from './bucket.ts';
import type { Answer, ConsulClient, Read } from './client.ts';

/** One blocking query answers so often at most: four times at once, then twenty a second. */
const BURST = 4;
const PER_SECOND = 20;

/** One blocking query after the other, until the signal aborts. @throws when Consul cannot be read. */
export async function followReads(
  client: ConsulClient,
  what: Read,
  signal: AbortSignal,
  said: (answer: Answer) => void,
): Promise<void> {
  const bucket = new Bucket(BURST, PER_SECOND);
  let index: number | undefined;
  while (!signal.aborted) {
    try {
      await bucket.take(signal);
      const answer = await client.read(what, signal, index);
      // An index that went back: a new leader knows less as yet, or a snapshot was restored. Its word is taken when asked anew.
      const back = index !== undefined && answer.index < index;
      // A blocking query does not say that all was left out for want of rights, one that answers at once does.
      const doubtful = index !== undefined && Array.isArray(answer.body) && answer.body.length === 0;
      const again = back || doubtful;
      index = again ? undefined : answer.index;
      if (!again && !signal.aborted) said(answer);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}
