import { eventually } from '../eventually.ts';
import type { Place } from './host.ts';

/** Resolves when a program has a port, for programs that do not say so: a listener of TCP, or a socket of UDP. */
export async function portTaken(place: Place, port: number, protocol: 'tcp' | 'udp' = 'tcp'): Promise<void> {
  const flags = protocol === 'tcp' ? '-Hltn' : '-Hlun';
  await eventually(
    `somebody has ${protocol} port ${port}`,
    () => place.run(['ss', flags, `sport = :${port}`]),
    Boolean,
  );
}
