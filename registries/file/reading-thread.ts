/** The thread in which a large file is read: see `readContent`. */
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../manager/model/util/errors.ts';
import { readDocument } from './document.ts';
import type { ReadingAnswer, ReadingTask } from './reading.ts';

function answer({ text, file }: ReadingTask): ReadingAnswer {
  try {
    return { content: readDocument(text, file) };
  } catch (error) {
    return { refused: messageOf(error) };
  }
}

parentPort?.postMessage(answer(workerData as ReadingTask));
