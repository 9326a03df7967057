import { readFileSync } from 'node:fs';

/** A socket that listens: __SO_ACCEPTCON, linux/net.h. */
const LISTENS = 0x1_00_00;

/** Whether a program of this network namespace listens on a unix socket that was made at that path: the file itself may be gone. */
export function isBound(path: string): boolean {
  return isBoundIn(readFileSync('/proc/net/unix', 'utf8'), path);
}

/** @param table text of `/proc/net/unix`: its fourth field are the flags, its eighth the path. */
export function isBoundIn(table: string, path: string): boolean {
  return table.split('\n').some(line => {
    const [, flags, at] = /^\S+: +\S+ \S+ (\S+) \S+ \S+ +\d+ (.*)$/.exec(line) ?? [];
    return at === path && (Number.parseInt(flags!, 16) & LISTENS) !== 0;
  });
}
