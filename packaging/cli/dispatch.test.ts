import test from 'ava';
import { type Command, type CommandContext, CommandError } from '../../manager/cli/command.ts';
import { candidates, completionCommand } from './completion.ts';
import { dispatch } from './dispatch.ts';

function command(name: string, run: Command['run'] = async () => 0): Command {
  return {
    name,
    summary: `Do ${name}`,
    usage: `isthmus ${name} [--output json]`,
    examples: [{ command: `isthmus ${name}`, says: 'the usual' }],
    options: { output: { type: 'string', short: 'o', choices: ['table', 'json'], summary: 'how' } },
    positionals: { minimum: 0, maximum: 1 },
    complete: () => ['alpha', 'beta'],
    run,
  };
}

const COMMANDS: readonly Command[] = [
  command('agent'),
  command('agent uninstall', async ({ positionals }) => (positionals.length === 0 ? 0 : 7)),
  { ...command('hosts'), positionals: { minimum: 0, maximum: 0 } },
  command('hosts remove'),
  command('version', async (_, { stdout }) => {
    stdout.write('1.2.3\n');
    return 0;
  }),
  command('services', async () => {
    throw new CommandError('The Manager cannot be reached', { next: 'isthmus manager' });
  }),
  command('token create', async () => {
    throw new Error('outer', { cause: new Error('inner') });
  }),
  completionCommand(() => COMMANDS),
];

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  return await runOn({}, ...argv);
}

async function runOn(
  terminal: Partial<CommandContext>,
  ...argv: string[]
): Promise<{ code: number; out: string; err: string }> {
  const seen = { out: '', err: '' };
  const context: CommandContext = {
    stdout: { write: (text: string) => (seen.out += text) },
    stderr: { write: (text: string) => (seen.err += text) },
    stdin: async () => '',
    isTTY: false,
    columns: 80,
    connect: () => ({ request: async () => ({ status: 200, body: {}, warnings: [] }) }),
    signal: new AbortController().signal,
    ...terminal,
  };
  return { code: await dispatch(COMMANDS, argv, context), ...seen };
}

const cases: readonly (readonly [argv: string, code: number, said: RegExp])[] = [
  ['', 0, /Commands\n {2}agent +Do agent\n {2}agent uninstall +Do agent uninstall/],
  ['--help', 0, /isthmus <command>/],
  ['help', 0, /isthmus <command>/],
  ['help agent uninstall', 0, /Do agent uninstall\n\nExamples\n {2}# the usual\n {2}isthmus agent uninstall\n/],
  ['agent uninstall -h', 0, /-o, --output <table\|json> {2}how/],
  ['agent', 0, /^$/],
  ['agent uninstall x', 7, /^$/],
  ['agent uninstal', 0, /^$/],
  ['agent a b', 2, /"b" is one word too many/],
  ['agent --output xml', 2, /--output must be one of table, json, not "xml"/],
  ['agent --otput json', 2, /Unknown option '--otput'/],
  ['servics', 2, /There is no "isthmus servics"\. Did you mean "isthmus services"\?/],
  ['token', 2, /"isthmus token" needs one more word: isthmus token create/],
  ['token --help', 0, /Commands\n {2}token create {2}Do token create\n\n/],
  ['help token', 0, /Commands\n {2}token create {2}Do token create\n\n/],
  ['help help', 0, /^Show all commands, .*[\s\S]*\n {2}isthmus help \[<command>\]\n/],
  ['help tokn', 2, /There is no "isthmus tokn"/],
  ['token crate', 2, /There is no "isthmus token crate": isthmus token create/],
  ['services', 1, /The Manager cannot be reached\nTry: isthmus manager\n/],
  ['token create', 1, /^isthmus token create: outer: inner\n$/],
  ['completion bash', 0, /complete -F _isthmus isthmus/],
  ['completion', 2, /^<bash\|zsh\|fish> is missing\nUsage: /],
  ['hosts rm x', 2, /^There is no "isthmus hosts rm": isthmus hosts, isthmus hosts remove\n$/],
  ['hosts --output json rm', 2, /"rm" is one word too many/],
  ['hosts', 0, /^$/],
  ['--version', 0, /^1\.2\.3\n$/],
  ['--version --otput json', 2, /Unknown option '--otput'/],
  ['completion tcsh', 2, /"tcsh" is no shell/],
];

for (const [argv, code, said] of cases)
  test(`isthmus ${argv} ends with ${code}`, async t => {
    const result = await run(...argv.split(' ').filter(word => word !== ''));
    t.is(result.code, code);
    t.regex(result.out + result.err, said);
    const asksForJson = argv.includes('--output json');
    if (code === 0 || !asksForJson)
      t.is(code === 0 ? result.err : result.out, '', 'data on standard output, complaints on standard error');
  });

for (const colour of [true, false])
  test(`a terminal ${colour ? 'with' : 'without'} colour has its width`, async t => {
    const { out } = await runOn({ isTTY: true, colour, columns: 30 }, '--help');
    t.is(out.includes('\u001b'), colour);
    t.true(out.split('\n').length > (await run('--help')).out.split('\n').length, out);
  });

const completions: readonly (readonly [words: readonly string[], offered: readonly string[]])[] = [
  [['a'], ['agent']],
  [
    ['agent', ''],
    ['alpha', 'beta', 'uninstall'],
  ],
  [['token', 'c'], ['create']],
  [['services', '--o'], ['--output']],
  [
    ['services', '--output', ''],
    ['json', 'table'],
  ],
  [['services', '-o', 'j'], ['json']],
  [['nothing', ''], []],
];

for (const [words, offered] of completions)
  test(`completion of "${words.join(' ')}"`, t => {
    t.deepEqual(candidates(COMMANDS, words), offered);
  });
