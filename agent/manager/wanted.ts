import { MESH_SETTINGS_NAME, type ResourceType } from '../../manager/model/proto/wire.ts';
import type { Snapshot } from '../state/snapshot.ts';
import type { Holdings } from './holdings.ts';
import type { LinkOptions } from './link.ts';

/**
 * What is wanted from the beginning: also services that were asked for in an earlier life, as many programs ask once and call for months.
 * @param lost what lies on disk and cannot be read: services of which one part is lost are still known by the other.
 */
export function wantedFrom(holdings: Holdings, lost: Snapshot['lost']): LinkOptions['wanted'] {
  const names = (type: ResourceType): readonly string[] => Object.keys(holdings.versions(type));
  const unread = lost.get('ServiceView');
  const services = new Set([
    ...names('ServiceView'),
    ...(unread === undefined ? [] : [...unread, ...names('InstanceList')]),
  ]);
  return {
    MeshSettings: [MESH_SETTINGS_NAME],
    ServiceName: ['*'],
    WorkloadPolicy: ['*'],
    ServiceView: services,
    InstanceList: services,
  };
}
