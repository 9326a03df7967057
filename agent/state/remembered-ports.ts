import { join } from 'node:path';
import { messageOf } from '../../manager/model/util/errors.ts';
import { isRecord } from '../../manager/model/util/fields.ts';
import { readIfThere, writeAtomic } from '../../manager/model/util/files.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import { OutboundPorts } from './outbound-ports.ts';

function portsPath(stateDir: string): string {
  return join(stateDir, 'agent', 'outbound-ports.json');
}

/**
 * The outbound ports as an earlier life left them; none when there was none, or its file is damaged.
 * @param held ports that others took meanwhile: their workloads get new ones.
 */
export async function loadPorts(
  stateDir: string,
  logger: Logger,
  held: () => ReadonlySet<number>,
): Promise<OutboundPorts> {
  const text = await readIfThere(portsPath(stateDir));
  if (text === undefined) return new OutboundPorts();
  try {
    const remembered: unknown = JSON.parse(String(text));
    if (isRecord(remembered)) return new OutboundPorts(free(remembered as Record<string, number>, held(), logger));
    throw new Error('not a map of ports');
  } catch (error) {
    logger.warn('the outbound ports of workloads are not remembered; they get new ones', { reason: messageOf(error) });
    return new OutboundPorts();
  }
}

function free(
  remembered: Readonly<Record<string, number>>,
  held: ReadonlySet<number>,
  logger: Logger,
): Record<string, number> {
  const entries = Object.entries(remembered);
  for (const [workload, port] of entries)
    if (held.has(port))
      logger.warn('a program has the outbound port of a workload, which gets another', { workload, port });
  return Object.fromEntries(entries.filter(([, port]) => !held.has(port)));
}

/** Keeps the outbound ports for the next life. @throws when they cannot be written. */
export async function savePorts(stateDir: string, ports: OutboundPorts): Promise<void> {
  await writeAtomic(portsPath(stateDir), JSON.stringify(ports));
}
