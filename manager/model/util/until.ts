/** Resolves when the work is done or the signal aborts, whichever comes first. @throws what the work does. */
export async function doneOrAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, resolve: abort } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => abort(), { once: true });
  if (signal.aborted) abort();
  await Promise.race([work, aborted]);
}
