/** Asynchronous work that must follow the last change: it never runs twice at once, and a call while it runs makes it run once more. */
export interface Rerun {
  /** Asks for a run; the promise resolves when a run that began after this call has ended. Never rejects. */
  call(): Promise<void>;
}

/** @param work never runs twice at once; what it throws goes to `onError`. */
export function rerun(work: () => Promise<void>, onError: (error: unknown) => void): Rerun {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const run = (): Promise<void> => {
    running = work()
      .catch(onError)
      .finally(() => {
        running = undefined;
      });
    return running;
  };
  return {
    call() {
      if (!running) return run();
      next ??= running.then(() => {
        next = undefined;
        return run();
      });
      return next;
    },
  };
}
