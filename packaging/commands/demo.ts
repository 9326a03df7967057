import { type Command, type CommandContext, CommandError, EXIT, usageError } from '../../manager/cli/command.ts';
import { parseDuration } from '../../manager/config/duration.ts';
import { messageOf } from '../../manager/model/util/errors.ts';
import { orphaned } from '../demo/orphan.ts';
import type { DemoSummary } from '../demo/summary.ts';
import { whyNoHosts } from '../setup/preflight.ts';
import { prepareHost } from '../setup/prepare.ts';

/** `isthmus demo`; `npm start` is the same. */
export const demoCommand: Command = {
  name: 'demo',
  summary: 'Show the main job on this machine: one service on two hosts, called through the mesh',
  usage: 'isthmus demo [--for 30s] [--rate 40] [--output table|json]',
  examples: [
    { command: 'isthmus demo', says: 'watch it until Ctrl-C; nothing stays behind' },
    { command: 'isthmus demo --for 30s --output json', says: 'run for half a minute and print what came of it' },
  ],
  options: {
    for: { type: 'string', placeholder: 'time', summary: 'end by itself after so long, such as 30s or 5m' },
    rate: { type: 'string', placeholder: 'number', default: '40', summary: 'calls per second' },
    output: {
      type: 'string',
      short: 'o',
      choices: ['table', 'json'],
      default: 'table',
      summary: 'what to print at the end',
    },
  },
  endsInOrder: true,
  async run({ values }, given) {
    // Under npm, which may be killed alone.
    const signal = process.env['npm_lifecycle_event'] ? AbortSignal.any([given.signal, orphaned()]) : given.signal;
    const context = { ...given, signal };
    const [lasts, perSecond] = [String(values['for'] ?? ''), String(values['rate'])];
    const [forMs, rate] = [parseDuration(lasts), Number(perSecond)];
    if (lasts !== '' && !forMs) throw usageError(demoCommand, `--for must be a time such as 30s or 5m, not "${lasts}"`);
    if (!(rate >= 1 && rate <= 1000))
      throw usageError(demoCommand, `--rate must be from 1 to 1000, not "${perSecond}"`);
    const lack = await whyNoHosts(() => prepare(context.signal));
    if (lack !== undefined) throw new CommandError(`The demo cannot run here. ${lack}`);
    const json = values['output'] === 'json';
    const summary = await perform({ rate, ...(forMs !== undefined && { forMs }) }, json, context);
    context.stdout.write(json ? `${JSON.stringify(summary)}\n` : ending(summary));
    return summary.failed === 0 && summary.calls > 0 ? EXIT.ok : EXIT.failed;
  },
};

async function prepare(signal: AbortSignal): Promise<void> {
  const { createLogger } = await import('../log/winston.ts');
  const logger = createLogger({
    level: 'info',
    format: 'text',
    colour: process.stderr.isTTY === true && !process.env['NO_COLOR'],
    stream: process.stderr,
  });
  try {
    await prepareHost(logger, signal);
  } catch (error) {
    throw new CommandError(`The demo cannot be set up: ${messageOf(error)}`, { cause: error });
  }
}

async function perform(
  options: { readonly forMs?: number; readonly rate: number },
  json: boolean,
  { stdout, stderr, isTTY, colour = false, columns, signal }: CommandContext,
): Promise<DemoSummary> {
  // What only the demo needs is loaded now, so that other commands start fast.
  const [{ Stage }, { play }] = await Promise.all([import('../demo/stage.ts'), import('../demo/play.ts')]);
  const started = performance.now();
  await using stage = await Stage.build(line => stderr.write(`demo: ${line}\n`), signal);
  stderr.write(
    `demo: up after ${((performance.now() - started) / 1000).toFixed(1)} s${isTTY ? '; Ctrl-C ends it and leaves nothing behind\n\n' : '\n'}`,
  );
  const write = (text: string): void => void (json ? stderr : stdout).write(text);
  return await play(stage, { ...options, write, redraw: isTTY && !json, colour, columns }, signal);
}

function ending({ calls, failed, refused }: DemoSummary): string {
  return `${calls} calls of web, ${failed} failed; ${refused} calls of other refused by policy\n`;
}
