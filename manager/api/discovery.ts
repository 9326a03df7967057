import { kinds } from '../config/index.ts';
import { apiVersionOf, type Kind } from '../config/kind.ts';

/** What can be done with every kind. */
const VERBS = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];

/**
 * The documents by which Kubernetes' clients learn what there is; undefined for a path that is none of them.
 * @param version of Isthmus. Clients compare the minor version of Kubernetes, so one is named whose API this dialect is.
 */
export function discovery(path: string, version: string): unknown {
  if (path === '/version')
    return { major: '1', minor: '32', gitVersion: `v1.32.0+isthmus.${version}`, platform: 'linux' };
  if (path === '/api') return { kind: 'APIVersions', versions: [] };
  if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups().map(groupOf) };
  if (path === '/openapi/v3') return { paths: Object.fromEntries(groupVersions().map(openApiEntry)) };
  const [, root, group = '', versionName, ...more] = path.split('/');
  if (path.startsWith('/openapi/v3/apis/')) return openApi(path.slice('/openapi/v3/apis/'.length));
  if (root !== 'apis' || more.length > 0 || !groups().includes(group)) return undefined;
  return versionName === undefined
    ? { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(group) }
    : resources(group, versionName);
}

function groups(): string[] {
  return [...new Set(kinds.map(kind => kind.group))];
}

function groupVersions(): string[] {
  return groups().flatMap(group => versionsOf(group).map(version => `${group}/${version}`));
}

function versionsOf(group: string): string[] {
  return [...new Set(kinds.filter(kind => kind.group === group).flatMap(kind => kind.versions))];
}

function groupOf(group: string): {
  readonly name: string;
  readonly versions: unknown;
  readonly preferredVersion: unknown;
} {
  const versions = versionsOf(group).map(version => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions, preferredVersion: versions[0] };
}

function resources(group: string, version: string): unknown {
  const found = kinds.filter(kind => kind.group === group && kind.versions.includes(version));
  if (found.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: `${group}/${version}`,
    resources: found.map(kind => ({
      name: kind.plural,
      singularName: kind.singular,
      namespaced: true,
      kind: kind.kind,
      verbs: VERBS,
      shortNames: kind.shortNames,
    })),
  };
}

function openApiEntry(groupVersion: string): [string, unknown] {
  return [`apis/${groupVersion}`, { serverRelativeURL: `/openapi/v3/apis/${groupVersion}` }];
}

/**
 * As much of OpenAPI as tells kubectl that the server checks fields itself: which kinds there are, and that a patch
 * takes `fieldValidation`. The fields are left open, they are checked strictly when an object is written.
 */
function openApi(groupVersion: string): unknown {
  const found = kinds.filter(kind => kind.versions.some(version => `${kind.group}/${version}` === groupVersion));
  if (found.length === 0) return undefined;
  const named = found.map(kind => [kind, typeOf(kind, groupVersion)] as const);
  return {
    openapi: '3.0.0',
    info: { title: 'Isthmus', version: apiVersionOf(found[0]!) },
    paths: Object.fromEntries(
      named.map(([kind, type]) => [
        `/apis/${groupVersion}/namespaces/{namespace}/${kind.plural}/{name}`,
        patchOf(type),
      ]),
    ),
    components: {
      schemas: Object.fromEntries(
        named.map(([kind, type]) => [
          `${groupVersion.replaceAll('/', '.')}.${kind.kind}`,
          {
            type: 'object',
            'x-kubernetes-group-version-kind': [type],
            'x-kubernetes-preserve-unknown-fields': true,
          },
        ]),
      ),
    },
  };
}

function typeOf(
  kind: Kind,
  groupVersion: string,
): { readonly group: string; readonly version: string; readonly kind: string } {
  return { group: kind.group, version: groupVersion.slice(kind.group.length + 1), kind: kind.kind };
}

function patchOf(type: unknown): unknown {
  const parameters = ['dryRun', 'fieldManager', 'fieldValidation', 'force'].map(name => ({
    name,
    in: 'query',
    schema: { type: 'string', uniqueItems: true },
  }));
  return {
    patch: { parameters, 'x-kubernetes-action': 'patch', 'x-kubernetes-group-version-kind': type, responses: {} },
  };
}
