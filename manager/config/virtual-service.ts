import type { VirtualServiceSpec } from '../model/config/virtual-service.ts';
import type { Fields } from '../model/util/fields.ts';
import { exportToAll, hostProblem } from './host.ts';
import { readHttpRoute } from './http-route.ts';
import type { Kind } from './kind.ts';

/** https://istio.io/latest/docs/reference/config/networking/virtual-service/ */
export const virtualServiceKind: Kind<'VirtualService', VirtualServiceSpec> = {
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  kind: 'VirtualService',
  plural: 'virtualservices',
  singular: 'virtualservice',
  shortNames: ['vs'],
  summary: 'how calls to a service are routed: matches, weights, timeouts, retries',
  parse(spec) {
    const hosts = readHosts(spec);
    spec.strings('gateways', gateway =>
      gateway === 'mesh' ? undefined : [`"${gateway}": gateways other than "mesh" are not supported yet`],
    );
    const http = spec.list('http').map(readHttpRoute);
    exportToAll(spec);
    spec.notYet(['tls', 'tcp']);
    if (!spec.has('http') && !spec.has('tls') && !spec.has('tcp'))
      spec.fail('http', 'is missing', 'give at least one route');
    else if (spec.has('http') && Array.isArray(spec.raw('http')) && http.length === 0)
      spec.fail('http', 'has no route', 'give at least one');
    spec.unknown();
    return { hosts, http };
  },
  describe({ hosts, http }) {
    const routes = http.flatMap(({ route }) =>
      route.map(({ destination: { host, subset }, weight }) => {
        const to = subset === undefined ? host : `${host}/${subset}`;
        return route.length > 1 ? `${to} ${weight}` : to;
      }),
    );
    return `${hosts.join(', ')} → ${routes.join(', ')}`;
  },
};

function readHosts(spec: Fields): readonly string[] {
  const seen = new Set<string>();
  const hosts = spec.strings('hosts', host => {
    if (seen.has(host)) return [`"${host}" is there twice`];
    seen.add(host);
    return hostProblem(host);
  });
  if (!spec.has('hosts') || hosts?.length === 0) spec.fail('hosts', 'is missing', 'name the services that it is for');
  return hosts ?? [];
}
