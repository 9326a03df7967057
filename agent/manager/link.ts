import { createPrivateKey } from 'node:crypto';
import { makeRequest } from '../../auth/ca/csr.ts';
import type { HostReportAck, Rejection, SignResponse } from '../../manager/model/proto/messages.ts';
import type { ResourceType, Wire } from '../../manager/model/proto/wire.ts';
import { Backoff } from '../../manager/model/util/backoff.ts';
import { type Clock, systemClock } from '../../manager/model/util/clock.ts';
import { messageOf } from '../../manager/model/util/errors.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import type { HostIdentity } from '../keys/host-identity.ts';
import { call, connected, type ManagerClient, managerClient } from './client.ts';
import type { Holdings } from './holdings.ts';
import { type HostFacts, Reporting } from './reporting.ts';
import { Subscription } from './subscription.ts';
import { whyUnreachable } from './unreachable.ts';

export interface LinkOptions {
  readonly wire: Wire;
  readonly identity: HostIdentity;
  readonly holdings: Holdings;
  /** Names that are wanted already, such as those of an earlier life; `*` is all. */
  readonly wanted: Readonly<Partial<Record<ResourceType, Iterable<string>>>>;
  readonly facts: () => HostFacts;
  readonly onChange: (type: ResourceType, changed: ReadonlySet<string>) => void;
  /** Whether something stays that the Manager does not have any more; nothing does when absent. */
  readonly keeps?: (type: ResourceType, name: string) => boolean;
  /** The Manager is there, for the first time or again. */
  readonly onConnected: () => void;
  /** The Manager is not there, or not any more. */
  readonly onDisconnected?: () => void;
  readonly onAck?: (ack: HostReportAck) => void;
  readonly logger: Logger;
  readonly clock?: Clock;
}

/** How the line to the Manager is doing. */
export interface LinkStatus {
  /** Of the Manager that is, or was last, talked to. */
  readonly address: string;
  readonly connected: boolean;
  /** Why not. */
  readonly reason?: string;
  /** When something last came from it, milliseconds since 1970. */
  readonly lastHeard?: number;
}

const CONNECT_MS = 5_000;
const CALL_MS = 10_000;
/** A Manager that takes reports and acknowledges none for so long is as good as gone, milliseconds. */
const SILENCE_MS = 15_000;

interface Session {
  readonly client: ManagerClient;
  readonly subscription: Subscription;
  readonly reporting: Reporting;
  /** Has it end for that reason. */
  end(reason: Error): void;
  /** Ends its streams: a client that closes waits for them, and takes what comes meanwhile. */
  close(): void;
}

/** The host's line to its Managers: one at a time, the next one when it fails, with jittered waits. Nothing here ever stops traffic. */
export class ManagerLink {
  readonly #options: LinkOptions;
  readonly #clock: Clock;
  readonly #wanted: Record<ResourceType, Set<string>>;
  #identity: HostIdentity;
  #session: Session | undefined;
  #turn = 0;
  #reason: string | undefined = 'not connected yet';
  #lastHeard: number | undefined;
  #refused: readonly Rejection[] = [];

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#identity = options.identity;
    const names = (type: ResourceType): Set<string> => new Set(options.wanted[type] ?? []);
    this.#wanted = {
      MeshSettings: names('MeshSettings'),
      ServiceName: names('ServiceName'),
      ServiceView: names('ServiceView'),
      InstanceList: names('InstanceList'),
      WorkloadPolicy: names('WorkloadPolicy'),
    };
  }

  /** Keeps a session until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ initialMs: 100, maximumMs: 5_000 });
    while (!signal.aborted) {
      const address = this.#address();
      try {
        await this.#talk(address, backoff, signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#lost(address, messageOf(error));
        this.#turn += 1;
        await this.#clock.sleep(backoff.next(), signal).catch(() => undefined);
      }
    }
  }

  /** Wants more names. */
  subscribe(type: ResourceType, names: Iterable<string>): void {
    const added = [...names].filter(name => !this.#wanted[type].has(name));
    for (const name of added) this.#wanted[type].add(name);
    this.#session?.subscription.change(type, added, []);
  }

  /** Wants names no more, and forgets what is held of them. */
  unsubscribe(type: ResourceType, names: Iterable<string>): void {
    const dropped = [...names].filter(name => this.#wanted[type].delete(name));
    for (const name of dropped) this.#options.holdings.forget(type, name);
    this.#session?.subscription.change(type, [], dropped);
  }

  wants(type: ResourceType): ReadonlySet<string> {
    return this.#wanted[type];
  }

  /** The facts changed: tell them now rather than with the next heartbeat. */
  report(): void {
    this.#session?.reporting.send();
  }

  /** A new certificate of the host: the next session uses it, and begins now. */
  useIdentity(identity: HostIdentity): void {
    this.#identity = identity;
    this.#session?.end(new Error('the host has a new certificate'));
  }

  /** Has the Manager sign for an identity of this host. @throws when it refuses or is not there. */
  async sign(key: string, identity: string, signal: AbortSignal): Promise<SignResponse> {
    const client = this.#session?.client;
    if (!client) throw new Error('the Manager is not connected');
    const limits = { deadlineMs: CALL_MS, signal };
    const { nonce } = await call(client, one => one.Challenge, {}, limits);
    const csr = makeRequest(createPrivateKey(key), identity, nonce);
    return call(client, one => one.Sign, { csr, identity }, limits);
  }

  /** The workloads of this host that the Manager refused when it last heard of them. */
  refused(): readonly Rejection[] {
    return this.#refused;
  }

  status(): LinkStatus {
    return {
      address: this.#address(),
      connected: this.#session !== undefined,
      ...(this.#reason === undefined ? {} : { reason: this.#reason }),
      ...(this.#lastHeard === undefined ? {} : { lastHeard: this.#lastHeard }),
    };
  }

  #address(): string {
    return this.#identity.managers[this.#turn % this.#identity.managers.length]!;
  }

  /** One session; rejects when it ends, with the reason. */
  async #talk(address: string, backoff: Backoff, signal: AbortSignal): Promise<never> {
    const peer = { address, ...this.#identity };
    const client = managerClient(this.#options.wire, peer);
    const { promise: ended, reject: end } = Promise.withResolvers<never>();
    ended.catch(() => undefined);
    const abort = (): void => end(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    let silence: NodeJS.Timeout | undefined;
    try {
      await connected(client, address, CONNECT_MS, signal).catch(async (error: unknown) => {
        const why = await whyUnreachable(peer, signal);
        throw why === undefined ? error : new Error(why);
      });
      const heard = (): void => {
        this.#lastHeard = this.#clock.now();
        silence?.refresh();
      };
      this.#session = this.#open(client, end, () => {
        heard();
        if (this.#reason !== undefined) this.#works(address, backoff);
      });
      silence = setTimeout(() => end(new Error(`the Manager acknowledged nothing for ${SILENCE_MS} ms`)), SILENCE_MS);
      return await ended;
    } finally {
      clearTimeout(silence);
      signal.removeEventListener('abort', abort);
      this.#session?.close();
      this.#session = undefined;
      client.close();
    }
  }

  #open(client: ManagerClient, end: (reason: Error) => void, onAck: () => void): Session {
    const { holdings, onChange, keeps = () => false, facts, logger } = this.#options;
    const [report, subscribe] = [client.Report(), client.Subscribe()];
    for (const [name, stream] of [
      ['report', report],
      ['subscription', subscribe],
    ] as const) {
      stream.on('error', cause => end(new Error(`the ${name} broke`, { cause })));
      stream.on('end', () => end(new Error(`the Manager ended the ${name}`)));
    }
    const reporting = new Reporting(report, facts, ack => {
      this.#refused = ack.refused;
      onAck();
      this.#options.onAck?.(ack);
    });
    const onRefused = (type: ResourceType, name: string, reason: string): void =>
      logger.warn('what the Manager sent cannot be read; what was held of it stays', { type, name, reason });
    const subscription = new Subscription(subscribe, { holdings, wanted: this.#wanted, onChange, keeps, onRefused });
    const close = (): void => {
      reporting.stop();
      for (const stream of [report, subscribe]) stream.cancel();
    };
    return { client, subscription, reporting, end, close };
  }

  #works(address: string, backoff: Backoff): void {
    this.#reason = undefined;
    backoff.reset();
    this.#options.logger.info('connected to the Manager', { address });
    this.#options.onConnected();
  }

  #lost(address: string, reason: string): void {
    this.#options.onDisconnected?.();
    const known = this.#reason === reason;
    this.#reason = reason;
    if (!known) this.#options.logger.warn('no Manager; the host goes on with what it has', { address, reason });
  }
}
