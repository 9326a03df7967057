import { join } from 'node:path';
import { messageOf } from '../../manager/model/util/errors.ts';
import { isRecord } from '../../manager/model/util/fields.ts';
import { readIfThere, writeAtomic } from '../../manager/model/util/files.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import { OutboundPorts } from './outbound-ports.ts';

function portsPath(stateDir: string): string {
  return join(stateDir, 'agent', 'outbound-ports.json');
}

/** The outbound ports as an earlier life left them; none when there was none, or its file is damaged. */
export async function loadPorts(stateDir: string, logger: Logger): Promise<OutboundPorts> {
  const text = await readIfThere(portsPath(stateDir));
  if (text === undefined) return new OutboundPorts();
  try {
    const remembered: unknown = JSON.parse(String(text));
    if (isRecord(remembered)) return new OutboundPorts(remembered as Record<string, number>);
    throw new Error('not a map of ports');
  } catch (error) {
    logger.warn('the outbound ports of workloads are not remembered; they get new ones', { reason: messageOf(error) });
    return new OutboundPorts();
  }
}

/** Keeps the outbound ports for the next life. @throws when they cannot be written. */
export async function savePorts(stateDir: string, ports: OutboundPorts): Promise<void> {
  await writeAtomic(portsPath(stateDir), JSON.stringify(ports));
}
