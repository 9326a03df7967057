/**
 * Carries out capture where it is started, so that a test can do it inside a host: one JSON object a line on stdin, one on
 * stdout in answer. `{"id", "apply": plan}`, `{"id", "uninstall": true}`, `{"id", "run": true}`, `{"id", "problems": true}`. Its argument is the folder for state.
 */
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';
import { keepDnsCaptured } from '../../agent/redirect/heartbeat.ts';
import { type CapturePlan, Redirect } from '../../agent/redirect/redirect.ts';
import { PORTS } from '../../agent/redirect/spec.ts';
import { silentLogger } from '../../manager/model/util/log.ts';

interface Command {
  readonly id: number;
  readonly apply?: CapturePlan;
  readonly uninstall?: boolean;
  readonly run?: boolean;
  readonly problems?: boolean;
}

/** `run` has something answer as the agent's name server does. */
const redirect = new Redirect({ stateDir: process.argv[2]!, logger: silentLogger });
const stop = new AbortController();

async function carryOut(command: Command): Promise<unknown> {
  if (command.apply) return redirect.apply(command.apply);
  if (command.problems) return redirect.problems();
  if (command.uninstall) return redirect.uninstall();
  if (command.run) {
    const dns = createSocket('udp4');
    dns.on('message', (question, { port, address }) => dns.send(question, port, address));
    dns.bind(PORTS.dns, '127.0.0.1');
    for (const work of [redirect.run(stop.signal), keepDnsCaptured(stop.signal)]) work.catch(console.error);
    return 'running';
  }
  throw new Error('no such command');
}

console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  const { id } = command;
  try {
    console.log(JSON.stringify({ id, done: (await carryOut(command)) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ id, failed: (error as Error).message }));
  }
}
stop.abort();
