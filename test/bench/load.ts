/** One way of loading a path. */
export interface Load {
  /** Such as `L7 keep-alive across`. */
  readonly name: string;
  /** What the path may look at: `L7` HTTP, `L4` bytes only. The same HTTP requests flow either way. */
  readonly layer: 'L4' | 'L7';
  readonly connections: 'keep-alive' | 'new';
  readonly place: 'across' | 'same host';
}

/** Every load, those that matter most first. */
export const LOADS: readonly Load[] = (['L7', 'L4'] as const).flatMap(layer =>
  (['across', 'same host'] as const).flatMap(place =>
    (['keep-alive', 'new'] as const).map(connections => ({
      name: `${layer} ${connections === 'new' ? 'new connections' : connections} ${place}`,
      layer,
      connections,
      place,
    })),
  ),
);

/** Connections that the load generator holds at a time. */
export const CONNECTIONS = 32;
