import { stripVTControlCharacters } from 'node:util';
import test from 'ava';
import { parseCommand } from '../../manager/cli/command.ts';
import { COMMANDS } from '../commands/index.ts';
import { commandHelp, overview } from './help.ts';

const TERMINAL = { colour: true, width: 80 };

function explanations(help: string): string[] {
  return stripVTControlCharacters(help)
    .split('\n')
    .filter(line => /^ {4,}| {3,}\S/.test(line));
}

test('the explanations of commands and options fit a terminal', t => {
  const all = [overview(COMMANDS, TERMINAL), ...COMMANDS.map(command => commandHelp(command, TERMINAL))];
  for (const line of all.flatMap(explanations)) t.true(line.length <= 80, line);
});

test('folded help says the same words', t => {
  for (const command of COMMANDS) {
    const words = (help: string): string => stripVTControlCharacters(help).split(/\s+/).join(' ');
    t.is(words(commandHelp(command, TERMINAL)), words(commandHelp(command, { colour: false })));
  }
});

test('a word that is missing is named as the usage names it', async t => {
  for (const command of COMMANDS.filter(({ positionals }) => (positionals?.minimum ?? 0) > 0)) {
    const error = t.throws(() => parseCommand(command, []), undefined, command.name);
    t.regex(error.message, /^<[a-z|]+>\S* is missing\nUsage: /);
  }
});

const TIMED = ['agent status', 'hosts', 'hosts remove', 'status', 'token create', 'token list'];

test('commands whose JSON has times of ours say what they are; config objects have those of Kubernetes', t => {
  const told = COMMANDS.filter(command => commandHelp(command, { colour: false }).includes('milliseconds since 1970'));
  t.deepEqual(told.map(({ name }) => name).sort(), TIMED);
});

test('every command teaches by an example that begins with its name', t => {
  for (const { name, examples } of COMMANDS) {
    t.true(examples.length > 0, name);
    t.true(
      examples.some(({ command }) => command.includes(`isthmus ${name}`)),
      name,
    );
  }
});

test('the example that changes what get shows leaves its apiVersion alone', t => {
  const commands = COMMANDS.flatMap(({ examples }) => examples.map(({ command }) => command));
  const [edit] = commands.flatMap(command => /\| sed "?s\/([^/]+)\/([^/]+)\/"? \|/.exec(command) ?? []).slice(1);
  t.is('apiVersion: networking.istio.io/v1'.replace(edit!, 'x'), 'apiVersion: networking.istio.io/v1');
});
