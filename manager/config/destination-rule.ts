import type { DestinationRuleSpec, Subset } from '../model/config/destination-rule.ts';
import { compact } from '../model/util/compact.ts';
import type { Fields } from '../model/util/fields.ts';
import { exportToAll, readHost } from './host.ts';
import type { Kind } from './kind.ts';
import { labelProblem } from './names.ts';
import { readTrafficPolicy } from './traffic-policy.ts';

/** https://istio.io/latest/docs/reference/config/networking/destination-rule/ */
export const destinationRuleKind: Kind<'DestinationRule', DestinationRuleSpec> = {
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  kind: 'DestinationRule',
  plural: 'destinationrules',
  singular: 'destinationrule',
  shortNames: ['dr'],
  summary: 'how the instances of a service are used: subsets, load balancing, ejection of failing ones',
  parse(spec) {
    const host = readHost(spec, 'name the service that it is for');
    const trafficPolicy = readTrafficPolicy(spec.map('trafficPolicy'));
    const names = new Set<string>();
    const subsets = spec.list('subsets').map(fields => readSubset(fields, names));
    exportToAll(spec);
    spec.notYet(['workloadSelector']);
    spec.unknown();
    return compact({ host, trafficPolicy, subsets });
  },
  describe({ host, subsets, trafficPolicy }) {
    const names = subsets.length === 0 ? '' : `: ${subsets.map(({ name }) => name).join(', ')}`;
    const balancer = trafficPolicy?.loadBalancer ? ` ${trafficPolicy.loadBalancer.simple}` : '';
    return `${host}${names}${balancer}${trafficPolicy?.outlierDetection ? ', ejects failing ones' : ''}`;
  },
};

function readSubset(fields: Fields, names: Set<string>): Subset {
  const name = fields.required('name', 'try "v1"');
  if (name !== undefined) {
    if (names.has(name)) fields.fail('name', `"${name}" is there twice`);
    // Clusters are named by subset, with "|" between the parts.
    if (!/^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(name))
      fields.fail('name', `"${name}" is no subset name`, 'letters, digits, "-", "_" and ".", at most 63');
    names.add(name);
  }
  const labels = fields.texts('labels');
  for (const [key, value] of Object.entries(labels)) {
    const problem = labelProblem(key, value);
    if (problem) fields.fail(`labels.${key}`, problem);
  }
  const trafficPolicy = readTrafficPolicy(fields.map('trafficPolicy'));
  fields.unknown();
  return compact({ name: name ?? '', labels, trafficPolicy });
}
