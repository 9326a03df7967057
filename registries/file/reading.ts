import { Worker } from 'node:worker_threads';
import { type FileContent, readDocument } from './document.ts';

/** What the thread is given. */
export interface ReadingTask {
  readonly text: string;
  readonly file: string;
}

/** What the thread answers: the content, or why the file cannot be used. */
export type ReadingAnswer = { readonly content: FileContent } | { readonly refused: string };

/** A text of up to so many characters is read at once, which holds up nothing for long: some hundred instances. */
const AT_ONCE = 32 * 1024;

/**
 * Reads a file of services as `readDocument` does; a large one in a thread of its own, since reading 10,000 instances takes a second,
 * in which the Manager would answer nobody.
 * @throws {Error} as `readDocument` does; the signal's reason when it aborts.
 */
export async function readContent(text: string, file: string, signal: AbortSignal): Promise<FileContent> {
  signal.throwIfAborted();
  if (text.length <= AT_ONCE) return readDocument(text, file);
  const answer = await inThread({ text, file }, signal);
  if ('refused' in answer) throw new Error(answer.refused);
  return answer.content;
}

async function inThread(task: ReadingTask, signal: AbortSignal): Promise<ReadingAnswer> {
  const worker = new Worker(new URL('reading-thread.ts', import.meta.url), { workerData: task });
  const { promise, resolve, reject } = Promise.withResolvers<ReadingAnswer>();
  const abort = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  worker.once('message', resolve).once('error', reject);
  worker.once('exit', code => reject(new Error(`the thread that reads ${task.file} ended with ${code}`)));
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', abort);
    void worker.terminate();
  }
}
