import { MESH_SETTINGS_NAME, type ResourceType } from '../manager/model/proto/wire.ts';
import type { PlatformProblem } from '../platforms/platform.ts';
import type { Holdings } from './manager/holdings.ts';

export interface GapsOptions {
  /** The types of which something lies on disk that cannot be read, as the keys. */
  readonly lost: ReadonlyMap<ResourceType, unknown>;
  readonly holdings: Pick<Holdings, 'get'>;
  /** The services that this host uses. */
  readonly services: () => ReadonlySet<string>;
  /** A Manager that is there has not sent what lacks: it does not have it any more. */
  readonly onClosed: () => void;
  /** How long such a Manager has, milliseconds. */
  readonly sentMs?: number;
}

const TYPES: readonly ResourceType[] = ['MeshSettings', 'ServiceView', 'InstanceList'];

/**
 * What the Manager gave this host, lies on disk and cannot be read, but for policies, which have stand-ins. Config that is made without it
 * would take services from an Envoy that runs: so that one keeps what it has until the Manager has sent the rest again.
 */
export class Gaps {
  readonly #options: GapsOptions;
  #open: boolean;
  #given: NodeJS.Timeout | undefined;

  constructor(options: GapsOptions) {
    this.#options = options;
    this.#open = TYPES.some(type => options.lost.has(type));
  }

  /** Whether something lacks still. */
  open(): boolean {
    if (this.#open && this.#isComplete()) this.#close();
    return this.#open;
  }

  /** The Manager is there: from now on runs what it has to send what lacks. */
  connected(): void {
    if (!this.open()) return;
    clearTimeout(this.#given);
    const { onClosed, sentMs = 5_000 } = this.#options;
    this.#given = setTimeout(() => {
      this.#close();
      onClosed();
    }, sentMs).unref();
  }

  /** The Manager is not there any more: what it did not send, it may have. */
  disconnected(): void {
    clearTimeout(this.#given);
  }

  problems(): readonly PlatformProblem[] {
    if (!this.open()) return [];
    const why =
      'what the Manager said of services lies on disk and cannot be read: an Envoy that ran before keeps what it has, ' +
      'and nothing changes on this host, until the Manager has said it again';
    return [{ where: 'snapshot', why }];
  }

  #isComplete(): boolean {
    const { lost, holdings, services } = this.#options;
    if (!holdings.get('MeshSettings', MESH_SETTINGS_NAME)) return false;
    const names = [...services()];
    // With no name left nobody knows what there was.
    if (names.length === 0 && lost.has('ServiceView')) return false;
    return names.every(name => holdings.get('ServiceView', name) && holdings.get('InstanceList', name));
  }

  #close(): void {
    this.#open = false;
    clearTimeout(this.#given);
  }
}
