import type { Host } from '../../hosts/host.ts';
import type { Certificates } from '../certificates.ts';
import type { Load } from '../load.ts';
import type { Target } from '../wrk.ts';

/** A way from a caller to a server, standing and ready to be loaded until its network is disposed. */
export interface Path {
  /** Such as `sidecar pair`. */
  readonly name: string;
  /** Where this path takes a load. */
  target(load: Load): Target;
  /** Processes that carry it, by what they are (`envoy`, `agent`): whose processor time and memory is told. */
  processes(): ReadonlyMap<string, readonly number[]>;
}

/** What paths are built from. */
export interface Ground {
  /** The caller's host; it has a server of its own, for calls within the host. */
  readonly caller: Host;
  /** The host at the other end of the cable. */
  readonly far: Host;
  readonly certificates: Certificates;
  /** Path of the Envoy executable. */
  readonly envoy: string;
  /** Two more hosts of this kind, for what would be in the way of others. @param name of the hosts. */
  readonly another: (name: string) => Promise<Ground>;
}

/** Listener ports of a path in the caller's host, one for each layer and place. */
export function portOf(base: number, load: Pick<Load, 'layer' | 'place'>): number {
  return base + (load.layer === 'L7' ? 0 : 1) + (load.place === 'across' ? 0 : 2);
}

/** Targets of a path that listens on loopback of the caller's host, on the ports of {@link portOf}. */
export function loopbackTarget(host: Host, base: number, load: Load): Target {
  return { host, url: `http://127.0.0.1:${portOf(base, load)}/` };
}

/** All ports of {@link portOf}. */
export function portsFrom(base: number): readonly number[] {
  return [base, base + 1, base + 2, base + 3];
}
