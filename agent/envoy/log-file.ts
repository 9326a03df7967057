import { constants } from 'node:fs';
import { copyFile, type FileHandle, mkdir, open, stat, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf } from '../../manager/model/util/errors.ts';

/**
 * What Envoy prints. Two files at most: when it has grown, it is copied to `<path>.1` and emptied, which its writer, who appends, does
 * not notice.
 */
export class LogFile {
  readonly path: string;
  readonly #maximum: number;

  /** @param maximum size at which it is turned over, bytes. */
  constructor(path: string, maximum: number = 10 * 1024 * 1024) {
    this.path = path;
    this.#maximum = maximum;
  }

  /** Opens it for a process to append to. */
  async open(): Promise<FileHandle> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o755 });
    return await open(this.path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o640);
  }

  /** Bytes in it now; none when it is not there. */
  async size(): Promise<number> {
    try {
      return (await stat(this.path)).size;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return 0;
      throw error;
    }
  }

  /** Turns it over if it has grown too much. */
  async bound(): Promise<void> {
    if ((await this.size()) < this.#maximum) return;
    await copyFile(this.path, `${this.path}.1`);
    await truncate(this.path);
  }

  /** Why the process that wrote it ended, in its own words: its last critical or error line, else its last line. @param from offset. */
  async reason(from: number): Promise<string | undefined> {
    await using file = await open(this.path, constants.O_RDONLY | constants.O_CREAT);
    const { size } = await file.stat();
    const begin = Math.max(size < from ? 0 : from, size - 64 * 1024);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(size - begin), 0, size - begin, begin);
    const lines = buffer.toString('utf8', 0, bytesRead).split('\n').filter(Boolean);
    const worst =
      lines.findLast(line => line.includes('[critical]')) ?? lines.findLast(line => line.includes('[error]'));
    return (worst ?? lines.at(-1))?.replace(/^(\[[^\]]*\] ?)+/, '').slice(0, 1000);
  }
}
