import { rm } from 'node:fs/promises';
import { messageOf } from '../../../manager/model/util/errors.ts';
import { isRecord } from '../../../manager/model/util/fields.ts';
import { readIfThere, writeAtomic } from '../../../manager/model/util/files.ts';
import type { Logger } from '../../../manager/model/util/log.ts';
import type { Rerun } from '../../../manager/model/util/rerun.ts';
import { type JsonMap, type Part, type Resource, resource, TYPE, type TypeUrl } from '../../compile/resource.ts';
import { keeping } from '../../state/keeping.ts';

/** Wanted resources of each type by name; undefined for a type of which nothing is known yet. */
type Wanted = Readonly<Record<TypeUrl, ReadonlyMap<string, Resource> | undefined>>;

/**
 * The version of each resource that an Envoy accepted last: the one that stays in force when the next is refused, and that an Envoy
 * must be given which begins with nothing. On disk lie those alone whose next version is refused: any other is what is wanted.
 * Secrets are not kept: keys lie in one place (`agent/keys`), and an old one may be one that nobody shall use any more.
 */
export class LastGood {
  readonly #path: string | undefined;
  readonly #log: Logger;
  readonly #good = new Map<TypeUrl, Map<string, Resource>>();
  /** Those that lie on disk. */
  readonly #kept = new Set<Resource>();
  readonly #keeping: Rerun;
  #saving: Promise<void> = Promise.resolve();

  /** @param path of the file; without one nothing outlives this process. */
  constructor(path: string | undefined, log: Logger) {
    this.#path = path;
    this.#log = log;
    this.#keeping = keeping('the last good versions of refused resources', () => this.#write(), log);
  }

  /** Reads what an earlier life left. A file that is damaged is left out and said. */
  async load(): Promise<void> {
    if (this.#path === undefined) return;
    try {
      const text = await readIfThere(this.#path);
      if (text === undefined) return;
      for (const found of (JSON.parse(String(text)) as unknown[]).map(read)) {
        this.#of(found.typeUrl).set(found.name, found);
        this.#kept.add(found);
      }
    } catch (error) {
      const [file, reason] = [this.#path, messageOf(error)];
      this.#log.warn('the last good versions of refused resources cannot be read and are left out', { file, reason });
    }
  }

  /** What was accepted last; undefined when nothing was. */
  good(typeUrl: TypeUrl, name: string): Resource | undefined {
    return this.#good.get(typeUrl)?.get(name);
  }

  /** An Envoy accepted it. */
  accepted(now: Resource): void {
    if (now.typeUrl === TYPE.secret) return;
    const before = this.good(now.typeUrl, now.name);
    if (before === now) return;
    this.#of(now.typeUrl).set(now.name, now);
    if (before === undefined || !this.#kept.delete(before)) return;
    if (before.version === now.version) this.#kept.add(now);
    else this.#save();
  }

  /** An Envoy refused a version that was wanted: the good one, if that is another, has to outlive this process. */
  refused(typeUrl: TypeUrl, name: string, version: string): void {
    const good = this.good(typeUrl, name);
    if (good === undefined || good.version === version || this.#kept.has(good)) return;
    this.#kept.add(good);
    this.#save();
  }

  /** An Envoy refused what was good before: that is no longer so. */
  forget(typeUrl: TypeUrl, name: string, version: string): void {
    const good = this.good(typeUrl, name);
    if (good?.version !== version) return;
    this.#good.get(typeUrl)?.delete(name);
    if (this.#kept.delete(good)) this.#save();
  }

  /** Forgets what is not wanted any more in any version, and lets go of objects that are wanted anew with the same content. */
  keep(wanted: Wanted): void {
    for (const [typeUrl, byName] of this.#good)
      for (const [name, good] of byName) {
        const now = wanted[typeUrl]?.get(name);
        if (now === good || wanted[typeUrl] === undefined || (now && now.version !== good.version)) continue;
        if (now) byName.set(name, now);
        else byName.delete(name);
        if (this.#kept.delete(good)) this.#save();
      }
  }

  /** Resolves when all lies on disk, or cannot be written now. Never rejects. */
  flush(): Promise<void> {
    return this.#saving;
  }

  #of(typeUrl: TypeUrl): Map<string, Resource> {
    const byName = this.#good.get(typeUrl) ?? new Map<string, Resource>();
    this.#good.set(typeUrl, byName);
    return byName;
  }

  #save(): void {
    this.#saving = this.#keeping.call();
  }

  async #write(): Promise<void> {
    if (this.#path === undefined) return;
    if (this.#kept.size === 0) await rm(this.#path, { force: true });
    else await writeAtomic(this.#path, JSON.stringify([...this.#kept]));
  }
}

/** The version is made from the body again, so none can lie. @throws when it is no resource that is kept. */
function read(found: unknown): Resource {
  const { typeUrl, name, body, origins, parts } = isRecord(found) ? found : {};
  const known = Object.values(TYPE).find(type => type === typeUrl && type !== TYPE.secret);
  if (!known || typeof name !== 'string' || !isRecord(body) || !Array.isArray(origins))
    throw new Error('an entry is not a resource');
  const good = resource(known, name, body as JsonMap, origins.map(String));
  return Array.isArray(parts) && parts.every(isPart) ? { ...good, parts } : good;
}

function isPart(found: unknown): found is Part {
  return isRecord(found) && typeof found['content'] === 'string' && Array.isArray(found['origins']);
}
