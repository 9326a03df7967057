/** Runs work once things are quiet, and no later than a ceiling after the first call. */
export interface Debounced {
  /** Asks for a run. */
  call(): void;
  /** Forgets a run that has not begun. */
  cancel(): void;
}

/**
 * @param quietMs run when nobody called for so long.
 * @param ceilingMs run at the latest so long after the first call.
 */
export function debounce(run: () => void, quietMs: number, ceilingMs: number): Debounced {
  let timer: NodeJS.Timeout | undefined;
  let deadline = 0;
  const fire = (): void => {
    timer = undefined;
    run();
  };
  return {
    call() {
      const now = performance.now();
      if (timer === undefined) deadline = now + ceilingMs;
      else clearTimeout(timer);
      timer = setTimeout(fire, Math.max(0, Math.min(quietMs, deadline - now)));
    },
    cancel() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
