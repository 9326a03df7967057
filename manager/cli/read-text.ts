import { constants, createReadStream, openSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { addAbortSignal, type Readable } from 'node:stream';
import { messageOf } from '../model/util/errors.ts';
import { CommandError } from './command.ts';

/** A file of more than this many bytes is not read: parsed, it takes some seventy times as much memory. */
const MAXIMUM_BYTES = 16 * 1024 * 1024;

/**
 * The text of a file or a named pipe, as `-f <(…)` gives one; for the writer of a pipe it waits until the signal aborts.
 * @throws {CommandError} when it cannot be read, is a device, is too large, or the signal aborts.
 */
export async function readText(path: string, signal: AbortSignal): Promise<string> {
  return await reading(path, signal, async () => {
    const found = await stat(path);
    // To open a device may do something already, and many never end.
    if (found.isCharacterDevice() || found.isBlockDevice()) throw new Error(`it is a device; ${INSTEAD}`);
    if (found.isSocket()) throw new Error(`it is a socket; ${INSTEAD}`);
    return await textOf(found.isFIFO() ? openPipe(path) : createReadStream(path), signal);
  });
}

const INSTEAD = 'name a file or a named pipe, or pass it by standard input';

/** The text of a stream such as standard input. @param name for errors. @throws {CommandError} as {@link readText}. */
export async function readStream(stream: Readable, name: string, signal: AbortSignal): Promise<string> {
  return await reading(name, signal, () => textOf(stream, signal));
}

async function reading(name: string, signal: AbortSignal, read: () => Promise<string>): Promise<string> {
  try {
    signal.throwIfAborted();
    return await read();
  } catch (cause) {
    if (signal.aborted) throw new CommandError('Stopped', { cause });
    throw new CommandError(`Cannot read ${name}: ${messageOf(cause)}`, { cause });
  }
}

/** Opened as files are, a pipe without a writer would hold a thread that nothing ends, and the end of the process with it. */
function openPipe(path: string): Readable {
  return new Socket({ fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK), readable: true, writable: false });
}

async function textOf(stream: Readable, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of addAbortSignal(signal, stream) as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > MAXIMUM_BYTES)
      throw new Error(`it holds more than ${MAXIMUM_BYTES} bytes, which is the most that is read`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
