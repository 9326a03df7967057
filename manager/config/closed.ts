import type { ConfigObject } from '../model/config/object.ts';
import type { WorkloadSelector } from '../model/config/security.ts';
import type { FieldError } from '../model/util/errors.ts';
import { Fields } from '../model/util/fields.ts';
import type { Entry } from '../store/store.ts';
import { kindOfResource } from './index.ts';
import { apiVersionOf } from './kind.ts';
import { readSelector } from './selector.ts';
import { parseConfigKey, readableStored, type StoredObject } from './stored.ts';

/** The specs that let in the fewest. */
const CLOSED: Readonly<Record<string, object>> = {
  AuthorizationPolicy: { action: 'ALLOW', rules: [] },
  PeerAuthentication: { mtls: { mode: 'STRICT' }, portLevelMtls: {} },
};

/**
 * What is to hold in the place of a stored policy that cannot be used: without it, those would be let in whom it refuses. It is aimed at the
 * same workloads; at all of its namespace where that cannot be read either. Undefined when the entry is no policy.
 */
export function closedPolicy(entry: Entry): ConfigObject | undefined {
  const { group = '', plural = '', namespace = '', name = '' } = parseConfigKey(entry.key) ?? {};
  const kind = kindOfResource(group, plural);
  const closed = kind && CLOSED[kind.kind];
  if (!closed) return undefined;
  const stored = readableStored(entry);
  const selector = selectorIn(stored);
  return {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: {
      name,
      namespace,
      labels: {},
      annotations: {},
      resourceVersion: String(entry.revision),
      creationTimestamp: stored?.metadata?.creationTimestamp ?? '',
    },
    spec: { ...closed, ...(selector && { selector }) },
  };
}

function selectorIn(stored: Partial<StoredObject> | undefined): WorkloadSelector | undefined {
  const errors: FieldError[] = [];
  const selector = readSelector(new Fields(stored?.spec, '', errors));
  return errors.length === 0 ? selector : undefined;
}
