import { type Command, EXIT, usageError } from '../../manager/cli/command.ts';
import { findCommand } from './dispatch.ts';

/** The words that may stand at the end of a line. @param words all after `isthmus`; the last is the one being typed, maybe empty. */
export function candidates(commands: readonly Command[], words: readonly string[]): readonly string[] {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const command = findCommand(commands, before);
  const named = command === undefined ? 0 : command.name.split(' ').length;
  const next = nextWords(commands, before);
  const own = command === undefined ? [] : ofCommand(command, before.slice(named), current);
  return [...new Set([...next, ...own])].filter(word => word.startsWith(current)).sort();
}

/** Words of command names that go on from those before. */
function nextWords(commands: readonly Command[], before: readonly string[]): readonly string[] {
  const names = commands.map(command => command.name.split(' '));
  return names
    .filter(name => before.length < name.length && before.every((word, n) => name[n] === word))
    .map(name => name[before.length]!);
}

function ofCommand(command: Command, before: readonly string[], current: string): readonly string[] {
  const last = before.at(-1);
  const awaiting = Object.entries(command.options).find(
    ([name, option]) => option.type === 'string' && (last === `--${name}` || last === `-${option.short}`),
  );
  if (awaiting) return awaiting[1].choices ?? [];
  if (current.startsWith('-')) return [...Object.keys(command.options).map(name => `--${name}`), '--help'];
  return command.complete?.(positionalsIn(command, before)) ?? [];
}

/** How many words of a line are neither options nor their values. */
function positionalsIn(command: Command, words: readonly string[]): number {
  const takesValue = (word: string | undefined): boolean =>
    Object.entries(command.options).some(
      ([name, option]) => option.type === 'string' && (word === `--${name}` || word === `-${option.short}`),
    );
  return words.filter((word, n) => !word.startsWith('-') && !takesValue(words[n - 1])).length;
}

const BASH = `_isthmus() {
  local IFS=$'\\n'
  COMPREPLY=($(isthmus completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _isthmus isthmus
`;
const ZSH = `#compdef isthmus
_isthmus() {
  local -a found
  found=("\${(@f)$(isthmus completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -- $found; else _files; fi
}
if [[ "$funcstack[1]" == _isthmus ]]; then _isthmus "$@"; else compdef _isthmus isthmus; fi
`;
const FISH = `function __isthmus
  set -l found (isthmus completion words -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c isthmus -f -a '(__isthmus)'
`;
const SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH, fish: FISH };

/** `isthmus completion <shell>`. @param commands gives all commands, this one too. */
export function completionCommand(commands: () => readonly Command[]): Command {
  const shells = Object.keys(SCRIPTS);
  const command: Command = {
    name: 'completion',
    summary: 'Print a script that completes isthmus commands in your shell',
    usage: `isthmus completion <${shells.join('|')}>`,
    examples: [
      { command: 'source <(isthmus completion bash)', says: 'this shell only' },
      { command: 'isthmus completion bash > /etc/bash_completion.d/isthmus', says: 'every new bash' },
      { command: 'isthmus completion zsh > "${fpath[1]}/_isthmus"', says: 'every new zsh' },
      { command: 'isthmus completion fish > ~/.config/fish/completions/isthmus.fish', says: 'every new fish' },
    ],
    options: {},
    positionals: { minimum: 1, maximum: Number.POSITIVE_INFINITY },
    complete: position => (position === 0 ? shells : []),
    async run({ positionals: [shell = '', ...words] }, { stdout }) {
      // The scripts ask here for what may come next, so that they never fall behind the table of commands.
      if (shell === 'words') {
        stdout.write(
          candidates(commands(), words)
            .map(word => `${word}\n`)
            .join(''),
        );
        return EXIT.ok;
      }
      const script = SCRIPTS[shell];
      if (script === undefined || words.length > 0)
        throw usageError(command, `"${[shell, ...words].join(' ')}" is no shell that is known here`);
      stdout.write(script);
      return EXIT.ok;
    },
  };
  return command;
}
