import { execFile } from 'node:child_process';
import { rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { makeFolder } from '../folders.ts';

const run = promisify(execFile);
const ISTHMUS = new URL('../../packaging/bin/isthmus', import.meta.url).pathname;

/** Lines as typed, up to the Tab, and the words that are offered. */
const LINES: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ['isthmus stat', ['status']],
  ['isthmus status --output ', ['json', 'table', 'yaml']],
  ['isthmus status -o j', ['json']],
  ['isthmus agent ', ['status', 'uninstall']],
  ['isthmus agent u', ['uninstall']],
  ['isthmus apply -f one-fi', ['one-file.yaml']],
];

/** A folder with `isthmus` in it, its script for a shell as `_isthmus`, and a file to complete. */
interface Place extends AsyncDisposable {
  readonly folder: string;
  /** Runs a shell there. @returns its stdout. */
  shell(program: string, ...args: readonly string[]): Promise<string>;
}

async function place(shell: string): Promise<Place> {
  const folder = makeFolder('completion');
  const env = { PATH: `${folder}:${process.env['PATH']}`, HOME: folder, TERM: 'xterm' };
  await symlink(ISTHMUS, join(folder, 'isthmus'));
  const { stdout } = await run(ISTHMUS, ['completion', shell]);
  await writeFile(join(folder, '_isthmus'), stdout);
  await writeFile(join(folder, 'one-file.yaml'), '');
  return {
    folder,
    shell: async (program, ...args) => (await run(program, args, { cwd: folder, env, timeout: 60_000 })).stdout,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

function lines(text: string): string[] {
  return text.split('\n').filter(line => line !== '');
}

test('bash offers what isthmus says, and files where it says nothing', async t => {
  await using at = await place('bash');
  for (const [line, offered] of LINES) {
    const script = `source ./_isthmus
      complete -p isthmus >/dev/null || exit 1
      IFS=' ' read -ra COMP_WORDS <<< "$1"
      [[ $1 != *' ' ]] || COMP_WORDS+=('')
      COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
      _isthmus
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    t.deepEqual(lines(await at.shell('bash', '--norc', '-c', script, 'bash', line)), offered, line);
  }
});

test('fish offers what isthmus says, and files where it says nothing', async t => {
  await using at = await place('fish');
  for (const [line, offered] of LINES) {
    const script = 'source ./_isthmus; complete -C $argv[1]';
    t.deepEqual(lines(await at.shell('fish', '--no-config', '-c', script, line)).sort(), offered, line);
  }
});

test('zsh completes a line that is typed, from the first Tab on, and files where isthmus says nothing', async t => {
  await using at = await place('zsh');
  // Each shell is a new one: what completes only from the second time on would not be seen.
  for (const [line, offered] of LINES.filter(([, { length }]) => length === 1)) {
    const whole = `${line.slice(0, line.lastIndexOf(' ') + 1)}${offered[0]}`;
    const script = `zmodload zsh/zpty
      zpty shell zsh -f -i
      zpty -w shell 'fpath=($PWD $fpath); autoload -U compinit; compinit -u -d ./dump'
      zpty -w shell 'tell() print -r -- "<$BUFFER>"; zle -N tell; bindkey ^P tell; PS1="rea""dy>"'
      zpty -r shell answer '*ready>*'
      zpty -n -w shell "$1"$'\\t\\x10'
      zpty -r shell answer '*<*>*'
      print -r -- "\${\${answer##*<}%%>*}"
      zpty -d shell`;
    t.deepEqual(lines(await at.shell('zsh', '-f', '-c', script, 'zsh', line, whole)), [`${whole} `], line);
  }
});
