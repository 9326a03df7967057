/** A SPIFFE ID of a workload: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`. */
export interface Identity {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** The trust domain of a mesh that was not told another. */
export const DEFAULT_TRUST_DOMAIN = 'isthmus.mesh';

const WORKLOAD = /^spiffe:\/\/([a-z0-9._-]+)\/ns\/([a-z0-9.-]+)\/sa\/([A-Za-z0-9._-]+)$/;
const HOST = /^spiffe:\/\/([a-z0-9._-]+)\/host\/([a-z0-9.-]+)$/;

/** Writes a workload's identity as a SPIFFE ID. */
export function spiffeId(identity: Identity): string {
  return `spiffe://${identity.trustDomain}/ns/${identity.namespace}/sa/${identity.serviceAccount}`;
}

/** Reads a workload's SPIFFE ID; undefined when it is not one. */
export function parseSpiffeId(id: string): Identity | undefined {
  const [, trustDomain, namespace, serviceAccount] = WORKLOAD.exec(id) ?? [];
  if (!trustDomain || !namespace || !serviceAccount) return undefined;
  return { trustDomain, namespace, serviceAccount };
}

/** The SPIFFE ID of a host's agent: `spiffe://<trust domain>/host/<name>`. */
export function hostSpiffeId(trustDomain: string, host: string): string {
  return `spiffe://${trustDomain}/host/${host}`;
}

/** The host that a SPIFFE ID names; undefined when it names none. */
export function parseHostSpiffeId(id: string): { readonly trustDomain: string; readonly host: string } | undefined {
  const [, trustDomain, host] = HOST.exec(id) ?? [];
  return trustDomain && host ? { trustDomain, host } : undefined;
}

const MANAGER = /^spiffe:\/\/([a-z0-9._-]+)\/manager$/;

/** The SPIFFE ID of the Manager: `spiffe://<trust domain>/manager`. */
export function managerSpiffeId(trustDomain: string): string {
  return `spiffe://${trustDomain}/manager`;
}

/** The trust domain of a Manager's SPIFFE ID; undefined when it is not one. */
export function parseManagerSpiffeId(id: string): string | undefined {
  return MANAGER.exec(id)?.[1];
}
