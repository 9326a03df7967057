import { constants } from 'node:fs';
import { copyFile, type FileHandle, mkdir, open, stat, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';

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

  /** Opens it for a process to append to. A disk that does not take it must not keep that process from running: it prints to nowhere then. */
  async open(): Promise<FileHandle> {
    try {
      await mkdir(dirname(this.path), { recursive: true, mode: 0o755 });
      return await open(this.path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o640);
    } catch {
      return await open('/dev/null', constants.O_WRONLY);
    }
  }

  /** Bytes in it now; none when it cannot be read. */
  async size(): Promise<number> {
    return (await stat(this.path).catch(() => undefined))?.size ?? 0;
  }

  /** Turns it over if it has grown too much; what cannot be copied is lost then. @throws when it cannot be emptied. */
  async bound(): Promise<void> {
    if ((await this.size()) < this.#maximum) return;
    await copyFile(this.path, `${this.path}.1`).catch(() => undefined);
    await truncate(this.path);
  }

  /**
   * Why the process that wrote it ended, in its own words: its last critical or error line, else its last line; undefined when it cannot
   * be read.
   * @param from offset.
   */
  async reason(from: number): Promise<string | undefined> {
    const lines = await this.#lines(from).catch(() => []);
    const worst =
      lines.findLast(line => line.includes('[critical]')) ?? lines.findLast(line => line.includes('[error]'));
    return (worst ?? lines.at(-1))?.replace(/^(\[[^\]]*\] ?)+/, '').slice(0, 1000);
  }

  /** The last lines behind an offset. @throws when it cannot be read. */
  async #lines(from: number): Promise<readonly string[]> {
    await using file = await open(this.path);
    const { size } = await file.stat();
    const begin = Math.max(size < from ? 0 : from, size - 64 * 1024);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(size - begin), 0, size - begin, begin);
    return buffer.toString('utf8', 0, bytesRead).split('\n').filter(Boolean);
  }
}
