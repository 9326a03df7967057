import type { ApiObject } from './representation.ts';
import { ApiError } from './status.ts';

/** Chooses objects. */
export interface ObjectFilter {
  readonly byLabels: (labels: Labels) => boolean;
  /** Names never change, so this is as true of what is gone. */
  readonly byName: (metadata: ApiObject['metadata']) => boolean;
}

type Labels = Readonly<Record<string, string>>;

const SET = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/;

/**
 * Reads `labelSelector` and `fieldSelector` of a list or watch, in the form of Kubernetes.
 * @throws {ApiError}
 */
export function filterOf(query: URLSearchParams): ObjectFilter {
  const labels = split(query.get('labelSelector') ?? '').map(labelRequirement);
  const fields = split(query.get('fieldSelector') ?? '').map(fieldRequirement);
  return {
    byLabels: of => labels.every(matches => matches(of)),
    byName: metadata => fields.every(matches => matches(metadata)),
  };
}

/** Parts at the commas that are not inside brackets. */
function split(selector: string): string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map(part => part.trim())
    .filter(part => part !== '');
}

function labelRequirement(part: string): (labels: Labels) => boolean {
  const [, key, operator, list] = SET.exec(part) ?? [];
  if (key !== undefined && list !== undefined) {
    const values = list.split(',').map(value => value.trim());
    const wanted = operator === 'in';
    return labels => (Object.hasOwn(labels, key) && values.includes(labels[key]!)) === wanted;
  }
  const comparison = /^([^\s=!]+)\s*(=|==|!=)\s*(\S*)$/.exec(part);
  if (comparison) {
    const [, name = '', sign, value] = comparison;
    return labels => (labels[name] === value) === (sign !== '!=');
  }
  const presence = /^(!?)\s*([^\s=!]+)$/.exec(part);
  if (!presence)
    throw new ApiError(
      400,
      `labelSelector: "${part}" is not understood; write "app=web", "app!=web", "app in (a, b)", "app" or "!app"`,
    );
  return labels => Object.hasOwn(labels, presence[2]!) === (presence[1] === '');
}

function fieldRequirement(part: string): ObjectFilter['byName'] {
  const [, field, sign, value] = /^(metadata\.(?:name|namespace))\s*(=|==|!=)\s*(\S*)$/.exec(part) ?? [];
  if (field === undefined)
    throw new ApiError(
      400,
      `fieldSelector: "${part}" is not understood; metadata.name and metadata.namespace can be compared`,
    );
  const key = field === 'metadata.name' ? 'name' : 'namespace';
  return metadata => (metadata[key] === value) === (sign !== '!=');
}
