import { isRecord, show } from '../../manager/model/util/fields.ts';
import type { Member } from './member.ts';

/** Multiplies the weight of the members that it selects. */
export interface Weighting {
  readonly kind: 'member' | 'inet' | 'shard';
  readonly value: string;
  readonly weight: number;
}

/**
 * Reads the data of a `vector_…` znode: `{"vector":[{"select":"member=member_0000000001","weight":1.2,"priority":1}]}`, as
 * com.twitter.finagle.serverset2.Vector does, except that a whole number counts as a weight too. Priorities are not used.
 * @throws {Error} that says what is wrong with it.
 */
export function readVector(data: Buffer): Weighting[] {
  const value: unknown = JSON.parse(data.toString('utf8'));
  const list = isRecord(value) ? value['vector'] : undefined;
  if (!Array.isArray(list)) throw new Error(`vector must be a list, not ${show(list)}`);
  return list.map((entry: unknown, index) => readWeighting(isRecord(entry) ? entry : {}, `vector[${index}]`));
}

function readWeighting(entry: Readonly<Record<string, unknown>>, path: string): Weighting {
  const { select, weight = 1 } = entry;
  const [, kind, value] = /^(member|inet|shard)=(.+)$/.exec(typeof select === 'string' ? select : '') ?? [];
  if (kind === undefined || value === undefined)
    throw new Error(`${path}.select must be member=…, inet=host:port or shard=…, not ${show(select)}`);
  if (typeof weight !== 'number' || !(weight >= 0 && weight <= 1e9))
    throw new Error(`${path}.weight must be a number from 0 on, not ${show(weight)}`);
  return { kind: kind as Weighting['kind'], value, weight };
}

/** The weight of a member: what all that select it say, multiplied; 1 when none does. */
export function weightOf({ instance, shard }: Member, weightings: readonly Weighting[]): number {
  const host = instance.address;
  return weightings.reduce((weight, one) => {
    const selected = {
      member: () => one.value === instance.id,
      shard: () => one.value === String(shard),
      inet: () => instance.ports.some(port => one.value === `${host}:${port.number}`),
    }[one.kind]();
    return selected ? weight * one.weight : weight;
  }, 1);
}
