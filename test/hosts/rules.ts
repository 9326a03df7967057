import type { Place } from './host.ts';

/**
 * Has nft load a script. By way of a pipe: what Node gives programs as their input is a socket, and nft 1.0.9 (Ubuntu 24.04) takes no script
 * from one.
 * @param flags such as `--check`.
 */
export async function loadRules(place: Pick<Place, 'run'>, script: string, ...flags: string[]): Promise<void> {
  await place.run(['sh', '-c', 'cat | /usr/sbin/nft "$@" -f -', 'sh', ...flags], { input: script });
}
