import type { Resource, TypeUrl } from '../../compile/resource.ts';
import { blame } from './blame.ts';
import type { Desired, Session } from './session.ts';

/** A resource that Envoy refused; the last accepted version, if any, stays in force there. */
export interface Rejection {
  readonly typeUrl: TypeUrl;
  readonly name: string;
  readonly version: string;
  /** Envoy's words. */
  readonly reason: string;
  /** Config objects that it is put down to, see {@link blame}. */
  readonly origins: readonly string[];
}

/** Where one wanted resource stands with the Envoy that was started last. */
export interface ResourceStatus {
  readonly typeUrl: TypeUrl;
  readonly name: string;
  /** The wanted version. */
  readonly version: string;
  readonly origins: readonly string[];
  /** `waiting`: not sent, as nothing asked for it or something else must come first. */
  readonly state: 'accepted' | 'rejected' | 'sent' | 'waiting';
  /** The version in force in Envoy. */
  readonly accepted?: string;
  /** Why the wanted version was refused. */
  readonly reason?: string;
}

/** Who is served, and where every wanted resource stands. */
export interface AdsStatus {
  /** Streams that are open; more than one while one Envoy takes over from another. */
  readonly connections: number;
  readonly resources: readonly ResourceStatus[];
}

/**
 * The wanted resources that one client refused. Asked for with each report, so it makes nothing of those that are in force.
 * @param good what clients accepted last of a name.
 */
export function rejectionsOf(
  desired: Desired,
  session: Session | undefined,
  good: (typeUrl: TypeUrl, name: string) => Resource | undefined,
): Rejection[] {
  const rejections: Rejection[] = [];
  for (const resources of Object.values(desired))
    for (const wanted of resources?.values() ?? []) {
      const { typeUrl, name, version } = wanted;
      const { rejected, accepted, uncertain } = session?.held(typeUrl, name) ?? {};
      if (rejected?.version !== version || (accepted === version && !uncertain)) continue;
      const origins = blame(wanted, good(typeUrl, name));
      rejections.push({ typeUrl, name, version, origins, reason: rejected.reason });
    }
  return rejections;
}

/** Where each wanted resource stands with one client; all are waiting when there was none yet. */
export function statusOf(desired: Desired, session: Session | undefined): ResourceStatus[] {
  return Object.values(desired).flatMap(resources =>
    [...(resources?.values() ?? [])].map(resource => {
      const { typeUrl, name, version, origins } = resource;
      const held = session?.held(typeUrl, name);
      const refused = held?.rejected?.version === version ? held.rejected.reason : undefined;
      const sent = session?.underway(typeUrl, name) !== undefined || held?.uncertain;
      const unsettled = refused !== undefined ? 'rejected' : sent ? 'sent' : 'waiting';
      return {
        typeUrl,
        name,
        version,
        origins,
        state: held?.accepted === version && !held.uncertain ? 'accepted' : unsettled,
        ...(held?.accepted === undefined ? {} : { accepted: held.accepted }),
        ...(refused === undefined ? {} : { reason: refused }),
      };
    }),
  );
}
