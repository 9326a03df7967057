import { AGENT_SOURCE } from '../manager/model/instance.ts';
import { ConfigError, type FieldError } from '../manager/model/util/errors.ts';
import { Fields } from '../manager/model/util/fields.ts';
import { kinds as allKinds } from './index.ts';
import { type Mapping, readMapping } from './mapping.ts';
import type { Registry, RegistryKind } from './registry.ts';

/** One entry of `registries:`, read and ready to be followed. */
export interface ConfiguredRegistry {
  /** Unique among the registries; the kind when the entry gives none. Instances carry it as their source. */
  readonly name: string;
  readonly registry: Registry;
  readonly mapping: Mapping;
}

/** Fields that every kind shares; the rest of an entry belongs to its kind. */
const SHARED = new Set(['name', 'kind', 'namespace', 'services']);

/**
 * Reads the list `registries:`, in the order of precedence.
 * @param path where the list stands, such as `registries`.
 * @throws {ConfigError} with every wrong field of every entry.
 */
export function readRegistries(
  values: unknown,
  path: string,
  kinds: ReadonlyMap<string, RegistryKind> = allKinds,
): ConfiguredRegistry[] {
  const errors: FieldError[] = [];
  if (!Array.isArray(values))
    throw new ConfigError('the registries', [{ path, message: 'must be a list', hint: 'put "- " before each entry' }]);
  const names = new Set<string>();
  const read = values.flatMap((entry, index) => {
    const one = readEntry(new Fields(entry, `${path}[${index}]`, errors), entry, kinds);
    if (one && names.has(one.name))
      errors.push({
        path: `${path}[${index}].name`,
        message: `"${one.name}" is taken`,
        hint: 'give each registry a name',
      });
    if (one) names.add(one.name);
    return one ? [one] : [];
  });
  if (errors.length > 0) throw new ConfigError('the registries', errors);
  return read;
}

function readEntry(
  fields: Fields,
  entry: unknown,
  kinds: ReadonlyMap<string, RegistryKind>,
): ConfiguredRegistry | undefined {
  const name = fields.string('name');
  if (name === AGENT_SOURCE) fields.fail('name', `cannot be "${name}", as which hosts register services by themselves`);
  // What the Manager remembers of a registry lies below its name.
  if (name?.includes('/')) fields.fail('name', `must have no "/" in it, not "${name}"`);
  const kindName = fields.has('kind') ? fields.oneOf('kind', [...kinds.keys()]) : fields.required('kind', 'try "file"');
  const mapping = readMapping(fields);
  const kind = kindName === undefined ? undefined : kinds.get(kindName);
  if (!kind) return undefined;
  const own = Object.fromEntries(Object.entries(entry as object).filter(([key]) => !SHARED.has(key)));
  try {
    return { name: name ?? kind.kind, registry: kind.create(own, fields.path), mapping };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    fields.errors.push(...error.errors);
    return undefined;
  }
}
