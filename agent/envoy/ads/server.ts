import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import type { Logger } from '../../../manager/model/util/log.ts';
import { type Resource, TYPE, type TypeUrl } from '../../compile/resource.ts';
import { Ahead } from './ahead.ts';
import { blame } from './blame.ts';
import { Connections } from './connections.ts';
import { Debt } from './debt.ts';
import { Encoder } from './encode.ts';
import { LastGood } from './last-good.ts';
import type { Outcome, Refused } from './ledger.ts';
import { loadSchema, type Schema } from './schema.ts';
import { type CertificateSecret, secretResources } from './secrets.ts';
import { type Desired, Session } from './session.ts';
import { bindPrivately } from './socket.ts';
import { type AdsStatus, type Rejection, rejectionsOf, statusOf } from './status.ts';
import { adsService, type DeltaRequest, type DeltaResponse } from './wire.ts';

export interface AdsServerOptions {
  /** Path of the unix socket. Its folder must exist and let Envoy's user in. */
  readonly socket: string;
  /** Envoy's user: the only one, beside root, that may connect. */
  readonly uid: number;
  readonly log: Logger;
  /** Called when an Envoy's stream ended. */
  readonly onStreamEnd?: () => void;
  /** Called when an Envoy took what it had refused. */
  readonly onMended?: () => void;
  /** Called when an Envoy refused a listener; each time that it does. */
  readonly onListenerRefused?: (name: string) => void;
  /** How long routes wait for clusters that do not get ready, ms. */
  readonly gateMs?: number;
  /** How long a cluster is kept that nothing names any more, ms. */
  readonly removalMs?: number;
  /** After how long a refused resource is offered once more, as some causes pass (a port in use), ms. */
  readonly retryMs?: number;
  /** A peer that says nothing for so long, and again as long when asked to, has gone, ms; 10 s unless told otherwise. */
  readonly keepAliveMs?: number;
  /** File in which the last good versions of refused resources outlive this process; otherwise they do not. */
  readonly lastGood?: string;
  /** For several servers in one process; otherwise it reads its own. */
  readonly schema?: Schema;
}

type Call = ServerDuplexStream<DeltaRequest, DeltaResponse>;

/**
 * Serves xDS to the Envoys of this host: one delta stream each, on a unix socket. Nothing is said of resources before the first
 * {@link update}, nor of secrets before the first {@link setSecrets}: an Envoy that was running keeps what it has.
 */
export class AdsServer {
  readonly #options: AdsServerOptions;
  readonly #server: Server;
  readonly #connections: Connections;
  readonly #schema: Schema;
  readonly #ahead: Ahead;
  readonly #lastGood: LastGood;
  readonly #sessions = new Set<Session>();
  /**
   * Of the Envoy that was started last; kept when its stream ends, so that its state can still be shown. That one need not be the last to
   * connect: when an agent comes back, one that only finishes what it has may be slower to return than its successor.
   */
  #latest: { readonly session: Session; readonly startedMs: number } | undefined;
  readonly #waiters = new Set<() => void>();
  /** What was refused of that which is wanted, by type and name, and what was said of it. */
  readonly #warned = new Map<string, { readonly typeUrl: TypeUrl; readonly name: string; readonly said: string }>();
  #retry: NodeJS.Timeout | undefined;
  #desired: Desired = NOTHING;

  /** Reads the types unless given. */
  constructor(options: AdsServerOptions) {
    this.#options = options;
    this.#schema = options.schema ?? loadSchema();
    const encoder = new Encoder();
    this.#ahead = new Ahead(({ typeUrl, body }) => encoder.encode(this.#schema.resources[typeUrl], body));
    this.#lastGood = new LastGood(options.lastGood, options.log);
    const { keepAliveMs = 10_000 } = options;
    this.#server = new Server({
      'grpc.max_receive_message_length': 64 * 1024 * 1024,
      'grpc.keepalive_time_ms': keepAliveMs,
      'grpc.keepalive_timeout_ms': keepAliveMs,
    });
    this.#connections = new Connections(this.#server.createConnectionInjector(ServerCredentials.createInsecure()));
    this.#server.addService(adsService(this.#schema.request), {
      DeltaAggregatedResources: (call: Call) => this.#serve(call),
    });
  }

  /** Listens. @throws when the socket cannot be made. */
  async start(): Promise<void> {
    await this.#lastGood.load();
    await this.#bind();
  }

  /** Makes the socket again where somebody removed it, for the next Envoy. @returns whether that was so. @throws when it cannot be made. */
  async restore(): Promise<boolean> {
    if (existsSync(this.#options.socket)) return false;
    await this.#bind();
    return true;
  }

  async #bind(): Promise<void> {
    const { socket, uid } = this.#options;
    await mkdir(dirname(socket), { recursive: true, mode: 0o755 });
    await bindPrivately(socket, uid, at => this.#connections.listen(at));
  }

  /** Takes the whole set of wanted resources, secrets aside, and sends what changed. */
  update(resources: readonly Resource[]): void {
    const types = [TYPE.listener, TYPE.cluster, TYPE.routes, TYPE.endpoints];
    const byType = types.map(type => [type, byName(resources.filter(({ typeUrl }) => typeUrl === type))]);
    this.#take({ ...this.#desired, ...Object.fromEntries(byType) });
  }

  /** An Envoy that holds nothing yet is about to connect: what is wanted is encoded meanwhile, in the order in which it will be sent. */
  expect(): void {
    if (this.#latest) return;
    const types = [TYPE.cluster, TYPE.endpoints, TYPE.listener, TYPE.routes];
    this.#ahead.prepare(types.flatMap(type => [...(this.#desired[type]?.values() ?? [])]));
  }

  /** Takes all certificates and the roots, PEM. A secret that is not among them is answered as missing. */
  setSecrets(certificates: readonly CertificateSecret[], roots: string): void {
    this.#take({ ...this.#desired, [TYPE.secret]: byName(secretResources(certificates, roots)) });
  }

  status(): AdsStatus {
    return { connections: this.connections, resources: statusOf(this.#desired, this.#latest?.session) };
  }

  /** Streams that are open, see {@link AdsStatus}. */
  get connections(): number {
    return this.#sessions.size;
  }

  /**
   * What is refused of all that is wanted. An Envoy that only finishes what it has must not hold up what its successor took: new
   * connections come to that one.
   */
  rejections(): Rejection[] {
    return rejectionsOf(this.#desired, this.#latest?.session, this.#good);
  }

  /**
   * Resolves when every Envoy that is connected, at least one, has accepted or refused all that it is to get as of now, or something
   * newer in its place; removals aside. What is wanted later does not count, so changes without end do not hold it up.
   * @returns what the one that was started last refused.
   * @throws the signal's reason when it aborts.
   */
  async applied(signal: AbortSignal): Promise<readonly Rejection[]> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const debts = new Map<Session, Debt>();
    const settled = (session: Session): boolean => {
      if (!session.begun()) return false;
      const debt = debts.get(session) ?? new Debt(session, this.#desired);
      debts.set(session, debt);
      return debt.isPaid();
    };
    const check = (): void => {
      // Each is asked each time, so that none begins its debt later than it could.
      const open = [...this.#sessions].filter(session => !settled(session));
      if (this.#sessions.size > 0 && open.length === 0) resolve();
    };
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort);
    this.#waiters.add(check);
    try {
      check();
      await promise;
    } finally {
      this.#waiters.delete(check);
      signal.removeEventListener('abort', abort);
    }
    this.#ahead.clear();
    return this.rejections();
  }

  /** Ends all streams. Envoys keep what they have. */
  async close(): Promise<void> {
    clearTimeout(this.#retry);
    this.#ahead.clear();
    for (const session of this.#sessions) session.close();
    this.#server.forceShutdown();
    this.#connections.close();
    await rm(this.#options.socket, { force: true });
    await this.#lastGood.flush();
  }

  #take(desired: Desired): void {
    this.#desired = desired;
    for (const [key, { typeUrl, name }] of this.#warned) if (!desired[typeUrl]?.has(name)) this.#warned.delete(key);
    this.#lastGood.keep(desired);
    for (const session of this.#sessions) session.push();
    this.#wake();
  }

  #serve(call: Call): void {
    const session = this.#session(response => void call.write(response));
    this.#sessions.add(session);
    const over = (): void => {
      session.close();
      if (!this.#sessions.delete(session)) return;
      this.#options.log.info('Envoy closed its xDS stream', { connections: this.#sessions.size });
      this.#wake();
      this.#options.onStreamEnd?.();
    };
    call.on('data', (request: DeltaRequest) => {
      if (request.node !== undefined) this.#opened(session, request);
      session.receive(request);
      this.#wake();
    });
    call.on('end', () => call.end());
    for (const event of ['end', 'cancelled', 'close', 'error']) call.on(event, over);
  }

  /** Those that do not say when they were started are of an earlier agent. */
  #opened(session: Session, { node, startedMs = 0 }: DeltaRequest): void {
    this.#options.log.info('Envoy opened an xDS stream', { node });
    if (this.#latest === undefined || startedMs >= this.#latest.startedMs) this.#latest = { session, startedMs };
  }

  #session(send: (response: DeltaResponse) => void): Session {
    const { gateMs = 5_000, removalMs = 500, log } = this.#options;
    return new Session({
      desired: () => this.#desired,
      encode: resource => this.#ahead.take(resource),
      send,
      good: this.#good,
      answered: (typeUrl, outcome) => this.#note(typeUrl, outcome),
      late: typeUrl => log.warn('Envoy is slow to acknowledge; the rest is sent all the same', { typeUrl, gateMs }),
      gateMs,
      removalMs,
    });
  }

  /** Remembers what was accepted; has what was refused offered again later. */
  #note(typeUrl: TypeUrl, { accepted, rejected, suspected }: Outcome): void {
    const { log, retryMs = 30_000 } = this.#options;
    for (const resource of accepted) this.#lastGood.accepted(resource);
    if (accepted.filter(resource => this.#isMended(resource)).length > 0) this.#options.onMended?.();
    if (suspected.length > 0) log.debug('Envoy refused a response; looking for the cause', { typeUrl, suspected });
    for (const refused of rejected) {
      if (refused.standIn) this.#lastGood.forget(typeUrl, refused.name, refused.version);
      else this.#lastGood.refused(typeUrl, refused.name, refused.version);
      this.#warn(typeUrl, refused);
      if (typeUrl === TYPE.listener) this.#options.onListenerRefused?.(refused.name);
    }
    if (rejected.length > 0) this.#retryIn(retryMs);
  }

  /** Whether it is what is wanted, and that, or what was wanted before, had been refused. */
  #isMended({ typeUrl, name, version }: Resource): boolean {
    return this.#desired[typeUrl]?.get(name)?.version === version && this.#warned.delete(`${typeUrl} ${name}`);
  }

  /** Logs what was refused, once for each version and reason. */
  #warn(typeUrl: TypeUrl, { name, version, reason, standIn }: Refused): void {
    const key = `${typeUrl} ${name}`;
    const said = `${version} ${reason}`;
    const again = this.#warned.get(key)?.said === said;
    this.#warned.set(key, { typeUrl, name, said });
    const wanted = this.#desired[typeUrl]?.get(name);
    const origins = wanted ? blame(wanted, this.#good(typeUrl, name)) : [];
    const what = standIn
      ? 'Envoy refused the last good version of a resource too; it has none'
      : 'Envoy refused a resource; its last good version stays';
    this.#options.log[again ? 'debug' : 'warn'](what, { typeUrl, name, version, reason, origins });
  }

  #retryIn(ms: number): void {
    if (this.#retry) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      for (const session of this.#sessions) session.retryRejected();
    }, ms);
    this.#retry.unref();
  }

  readonly #good = (typeUrl: TypeUrl, name: string): Resource | undefined => this.#lastGood.good(typeUrl, name);

  #wake(): void {
    for (const check of this.#waiters) check();
  }
}

const NOTHING: Desired = {
  [TYPE.listener]: undefined,
  [TYPE.cluster]: undefined,
  [TYPE.routes]: undefined,
  [TYPE.endpoints]: undefined,
  [TYPE.secret]: undefined,
};

function byName(resources: readonly Resource[]): ReadonlyMap<string, Resource> {
  return new Map(resources.map(resource => [resource.name, resource]));
}
