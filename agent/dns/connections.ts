import type { Socket } from 'node:net';
import type { Asker } from './asker.ts';
import { type Overload, userName } from './overload.ts';
import { Owners } from './owners.ts';
import { type Place, Places } from './places.ts';

/**
 * The connections of programs to a name server, a bounded number. When it is full, or a user has more than its share of them, the one
 * on which nothing was asked for the longest is closed; a program makes a new one when it asks again.
 */
export class Connections implements Disposable {
  readonly #overload: Overload;
  readonly #places: Places;
  /** In the order in which something was last asked on them. */
  readonly #known = new Map<Socket, Place>();

  /** @param owners tells who owns sockets of TCP. */
  constructor(most: number, overload: Overload, owners: Pick<Owners, 'now'> = new Owners('tcp')) {
    this.#overload = overload;
    this.#places = new Places(most, () => owners.now());
  }

  add(socket: Socket): void {
    const asker: Asker = { protocol: 'tcp', address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    if (this.#places.isFull) this.#drop(() => true);
    const place = this.#places.enter(asker);
    this.#known.set(socket, place);
    socket.on('data', () => {
      if (this.#known.delete(socket)) this.#known.set(socket, place);
    });
    socket.on('close', () => this.#remove(socket));
    void this.#share(place);
  }

  [Symbol.dispose](): void {
    for (const socket of this.#known.keys()) socket.destroy();
  }

  async #share(place: Place): Promise<void> {
    if (!(await this.#places.fits(place))) this.#drop(({ owner }) => owner?.uid === place.owner?.uid);
  }

  #drop(among: (place: Place) => boolean): void {
    // One that an answer is still on its way to, a zone say, asks nothing for long and is in use.
    const found = [...this.#known].filter(([, place]) => among(place));
    const [longest, place] = found.find(([socket]) => socket.writableLength === 0) ?? found[0] ?? [];
    if (!longest || !place) return;
    this.#overload.refused(userName(place.owner?.uid));
    this.#remove(longest);
    longest.destroy();
  }

  #remove(socket: Socket): void {
    const place = this.#known.get(socket);
    this.#known.delete(socket);
    if (place) this.#places.leave(place);
  }
}
