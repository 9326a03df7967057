import { authorizationPolicyKind } from './authorization-policy.ts';
import { destinationRuleKind } from './destination-rule.ts';
import { type Kind, resourceName } from './kind.ts';
import { peerAuthenticationKind } from './peer-authentication.ts';
import { virtualServiceKind } from './virtual-service.ts';

/**
 * Every kind of config object. A new one is a file beside this one and a line here: the API, the commands, the
 * validation of files and the store then know it. What the data path does with it is decided where its spec is compiled.
 */
export const kinds: readonly Kind[] = [
  virtualServiceKind,
  destinationRuleKind,
  peerAuthenticationKind,
  authorizationPolicyKind,
];

/** Kinds of Istio's API that are not built yet, by name, so that they are told from mistyped ones. */
export const kindsNotYet: ReadonlySet<string> = new Set([
  'Gateway',
  'ServiceEntry',
  'Sidecar',
  'EnvoyFilter',
  'WorkloadEntry',
  'WorkloadGroup',
  'ProxyConfig',
  'RequestAuthentication',
  'Telemetry',
  'WasmPlugin',
]);

/** The kind of an object by its `apiVersion` and `kind`. */
export function kindOf(apiVersion: string, name: string): Kind | undefined {
  const slash = apiVersion.indexOf('/');
  const [group, version] = [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
  return kinds.find(kind => kind.kind === name && kind.group === group && kind.versions.includes(version));
}

/** The kind of a resource by its group and its plural, as in URLs. */
export function kindOfResource(group: string, plural: string): Kind | undefined {
  return kinds.find(kind => kind.group === group && kind.plural === plural);
}

/** The kind that a person means: `VirtualService`, `virtualservices`, `vs`, or `virtualservices.networking.istio.io`. */
export function kindNamed(word: string): Kind | undefined {
  const name = word.toLowerCase();
  return kinds.find(kind =>
    [kind.kind.toLowerCase(), kind.plural, kind.singular, ...kind.shortNames, resourceName(kind)].includes(name),
  );
}
