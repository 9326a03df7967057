import type { ClusterPlace, EnvoyAdmin } from '../envoy/admin.ts';

/** Of so many clusters it is looked where connections failed, in one go. */
const MOST_CLUSTERS = 50;

const COUNTER = /^cluster\.(.+)\.upstream_cx_connect_fail$/;

/** Notices to which places Envoy could not connect. While all goes well that costs a look at one counter of each cluster. */
export class Failures {
  readonly #admin: Pick<EnvoyAdmin, 'stats' | 'places'>;
  /** By cluster; undefined before the first look. */
  #counted: ReadonlyMap<string, number> | undefined;
  /** By cluster, then by place. */
  readonly #failed = new Map<string, ReadonlyMap<string, number>>();

  constructor(admin: Pick<EnvoyAdmin, 'stats' | 'places'>) {
    this.#admin = admin;
  }

  /**
   * The places to which connections failed since the last call; none at the first, as nobody knows since when those count.
   * @throws when Envoy does not answer.
   */
  async next(signal: AbortSignal): Promise<readonly ClusterPlace[]> {
    const stats = await this.#admin.stats('^cluster\\..*\\.upstream_cx_connect_fail$', signal);
    const counted = new Map(
      stats.flatMap(({ name, value }) => clusterOf(name).map(cluster => [cluster, value] as const)),
    );
    const before = this.#counted;
    for (const cluster of this.#failed.keys()) if (!counted.has(cluster)) this.#failed.delete(cluster);
    const changed = [...counted]
      .filter(([cluster, value]) => value !== (before?.get(cluster) ?? 0))
      .map(([cluster]) => cluster)
      .slice(0, MOST_CLUSTERS);
    const places = changed.length === 0 ? [] : await this.#admin.places(changed, signal);
    // What did not fit is looked at the next time.
    this.#counted = new Map(
      [...counted].map(([cluster, value]) => [
        cluster,
        changed.includes(cluster) ? value : (before?.get(cluster) ?? 0),
      ]),
    );
    const fresh = places.filter(place => this.#isFresh(place));
    for (const [cluster, of] of Map.groupBy(places, ({ cluster: name }) => name))
      this.#failed.set(cluster, new Map(of.map(place => [keyOf(place), place.failed])));
    return before === undefined ? [] : fresh;
  }

  /** A counter that went back is another Envoy's, or of a place that was taken out in between. */
  #isFresh(place: ClusterPlace): boolean {
    const before = this.#failed.get(place.cluster)?.get(keyOf(place)) ?? 0;
    return place.failed > before || (place.failed > 0 && place.failed < before);
  }
}

function clusterOf(name: string): string[] {
  return COUNTER.exec(name)?.slice(1, 2) ?? [];
}

function keyOf({ address, port }: ClusterPlace): string {
  return `${address} ${port}`;
}
