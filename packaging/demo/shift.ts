/** How the calls of `reviews` are split between its two versions, percent. */
export interface Split {
  readonly v1: number;
  readonly v2: number;
}

/** 90/10 first, then step by step to 10/90 and back again. */
const SPLITS: readonly Split[] = [10, 30, 50, 70, 90, 70, 50, 30].map(v2 => ({ v1: 100 - v2, v2 }));

/** The split at the given step, for ever around. */
export function splitAt(step: number): Split {
  return SPLITS[step % SPLITS.length]!;
}

/** A line is due so often at the least, milliseconds. */
const LINE_MS = 5_000;
/** A split lasts so long at the most, milliseconds: when there is no end. */
const STEP_MS = 10_000;

/** When the split is shifted, and when a line is due: each split gets one before it goes. */
export class Pace {
  readonly #stepMs: number;
  readonly #lineMs: number;
  #step = 0;
  #lines = 0;

  /** @param lastsMs how long it all lasts; for ever when absent. */
  constructor(lastsMs: number = Number.POSITIVE_INFINITY) {
    this.#stepMs = Math.min(STEP_MS, lastsMs / SPLITS.length);
    this.#lineMs = Math.min(LINE_MS, this.#stepMs);
  }

  get split(): Split {
    return splitAt(this.#step);
  }

  /** Whether a line is due. @param atMs since the beginning. */
  line(atMs: number): boolean {
    const isDue = atMs >= (this.#lines + 1) * this.#lineMs;
    if (isDue) this.#lines += 1;
    return isDue;
  }

  /** Whether the split is another from now on. */
  shift(atMs: number): boolean {
    const isDue = atMs >= (this.#step + 1) * this.#stepMs;
    if (isDue) this.#step += 1;
    return isDue;
  }
}

/** The VirtualService that makes it so, as `isthmus apply -f -` takes it. */
export function splitConfig({ v1, v2 }: Split): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: default }
spec:
  hosts: [reviews]
  http:
    - route:
        - destination: { host: reviews, subset: v1 }
          weight: ${v1}
        - destination: { host: reviews, subset: v2 }
          weight: ${v2}
`;
}

/** Which label makes which subset, and who may call: `web` and nobody else. */
export const BASE_CONFIG = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews, namespace: default }
spec:
  host: reviews
  subsets:
    - name: v1
      labels: { version: v1 }
    - name: v2
      labels: { version: v2 }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: reviews-callers, namespace: default }
spec:
  selector: { matchLabels: { app: reviews } }
  action: ALLOW
  rules:
    - from:
        - source:
            principals: [isthmus.mesh/ns/default/sa/web]
`;
