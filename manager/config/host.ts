import { isIP } from 'node:net';
import type { EntryProblem, Fields } from '../model/util/fields.ts';
import { SUBDOMAIN } from './names.ts';

/** What is wrong with a service's host: a short name, a canonical hostname, an alias or an address; undefined when nothing is. */
export function hostProblem(host: string): EntryProblem | undefined {
  if (isIP(host) !== 0) return undefined;
  if (host.includes('*')) return [`"${host}": wildcards are not supported yet`, 'name each service'];
  if (host.includes('://'))
    return [`"${host}" is a URL`, `try "${host.replace(/^.*:\/\//, '').replace(/[/:].*$/, '')}"`];
  if (/:\d+$/.test(host)) return [`"${host}" has a port in it`, `try "${host.replace(/:\d+$/, '')}"`];
  if (host.length > 253 || !SUBDOMAIN.test(host.toLowerCase()))
    return [`"${host}" is no host name`, 'letters, digits and "-", parted by dots'];
  return undefined;
}

/** Reads a field that names a service; the text is empty when it is missing, which is noted. */
export function readHost(fields: Fields, hint: string): string {
  const host = fields.required('host', hint);
  const problem = host === undefined ? undefined : hostProblem(host);
  if (problem) fields.fail('host', ...problem);
  return host ?? '';
}

/** Refuses an `exportTo` other than everywhere, which is how all config is exported. */
export function exportToAll(fields: Fields): void {
  const namespaces = fields.strings('exportTo');
  if (namespaces && (namespaces.length !== 1 || namespaces[0] !== '*'))
    fields.fail('exportTo', 'other than ["*"] is not supported yet', 'remove it');
}
