import type { HostStatus, Rejection } from '../model/proto/messages.ts';
import type { Host } from '../model/workload.ts';
import { isPort } from './check-workload.ts';
import { printable, RefusalError } from './refusal.ts';

/** What is kept of what a host refused, or was refused: the first so many, and how many more there are. */
const MAXIMUM_REJECTIONS = 200;
const MAXIMUM_ORIGINS = 20;
/** Names of networks and places: printable, short, and free of what we put between names. */
const NAME = /^[^\p{C}|]{0,253}$/u;

/** Refuses what a host cannot be. @throws {RefusalError} */
export function checkHost({ tunnelPort, network, locality }: Host): void {
  if (!isPort(tunnelPort))
    throw new RefusalError('message-invalid', `the tunnel port ${tunnelPort} is none; ports are 1 to 65535`);
  for (const [what, name] of Object.entries({ network, ...locality }))
    if (!NAME.test(name))
      throw new RefusalError(
        'message-invalid',
        `"${name}" cannot be a ${what}: at most 253 printable characters, no "|"`,
      );
}

/** What a host says of itself, cut to what a person can read: a host that was taken over may say anything, at any length. */
export function boundedStatus(status: HostStatus): HostStatus {
  return {
    ...status,
    agentVersion: printable(status.agentVersion),
    envoyVersion: printable(status.envoyVersion),
    rejections: boundedRejections(status.rejections),
  };
}

/** The same of a list of what was refused. */
export function boundedRejections(rejections: readonly Rejection[]): readonly Rejection[] {
  const kept = rejections.slice(0, MAXIMUM_REJECTIONS).map(boundedRejection);
  const more = rejections.length - kept.length;
  return more === 0 ? kept : [...kept, { resource: `${more} more`, reason: 'too many to list', origins: [] }];
}

function boundedRejection({ resource, reason, origins }: Rejection): Rejection {
  return {
    resource: printable(resource),
    reason: printable(reason),
    origins: origins.slice(0, MAXIMUM_ORIGINS).map(printable),
  };
}
