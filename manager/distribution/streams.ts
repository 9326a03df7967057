import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { Member } from '../hosts/members.ts';
import { RefusalError } from '../hosts/refusal.ts';
import type { DeltaRequest, DeltaResponse, HostReportAck, HostReportMessage } from '../model/proto/messages.ts';
import { RESOURCE_TYPES } from '../model/proto/wire.ts';
import { removedText } from './caller.ts';
import type { HostStream } from './publisher.ts';
import type { AgentServerParts } from './server.ts';

/** A host that does not acknowledge for so long is cut off, to come back and begin anew; milliseconds. */
const ANSWER_MS = 60_000;
const LOOK_MS = 5000;
/** Responses that may be on their way unread: one of each type, as the next waits for an acknowledgement. */
const MAXIMUM_UNREAD = RESOURCE_TYPES.length;
/** Requests for policies that one host may make before it names its workloads; an agent makes one. Each may have 4 MiB. */
const MAXIMUM_HELD = 8;

interface Open {
  readonly host: string;
  /** IP address. */
  readonly from: string;
  readonly end: (error: Error) => void;
  /** When the oldest response was sent that has not been acknowledged, milliseconds since 1970. */
  readonly waitingSince: () => number | undefined;
}

/** One stream, from its beginning to its end. */
interface Served {
  /** Does something; what it throws ends the stream. */
  guard(work: () => void): void;
  fail(error: unknown): void;
  isOver(): boolean;
}

/** The streams of all hosts: one of each kind per host; a newer one takes the place of the older. */
export class HostStreams {
  readonly #parts: AgentServerParts;
  readonly #statusOf: (error: unknown, host: string) => Error;
  readonly #open = new Map<string, Open>();
  /** Hosts that named their workloads in this life of the Manager. */
  readonly #told = new Set<string>();
  /** What to do when another does. */
  readonly #onTold = new Map<string, () => void>();

  /** @param statusOf an error as gRPC sends it. */
  constructor(parts: AgentServerParts, statusOf: (error: unknown, host: string) => Error) {
    this.#parts = parts;
    this.#statusOf = statusOf;
  }

  /** Serves a stream of reports. */
  report(call: ServerDuplexStream<HostReportMessage, HostReportAck>, member: Member): void {
    const observed = addressOf(call.getPeer());
    const end = this.#begin('report', call, member.name);
    call.on('data', (message: HostReportMessage) => {
      end.guard(() => {
        const ack = this.#parts.hosts.report(this.#stillMember(member), message, observed);
        if (message.workloads) this.#tell(member.name);
        if (call.write(ack)) return;
        // A host that does not read is not read either.
        call.pause();
        call.once('drain', () => call.resume());
      });
    });
  }

  /** The address that a host reports from; undefined when it is not connected. */
  reportsFrom(host: string): string | undefined {
    return this.#open.get(`report/${host}`)?.from;
  }

  /** Serves a stream of subscriptions. */
  subscribe(call: ServerDuplexStream<DeltaRequest, DeltaResponse>, member: Member): void {
    let stream: HostStream | undefined;
    const oldest = (): number | undefined => {
      const times = [...(stream?.waiting().values() ?? [])];
      return times.length > 0 ? Math.min(...times) : undefined;
    };
    // What was known last may lack a workload that the host holds a policy for: that must not be taken for a policy that is gone.
    const held: DeltaRequest[] = [];
    const end = this.#begin('subscribe', call, member.name, oldest, () => {
      held.length = 0;
      stream?.close();
    });
    const take = (request: DeltaRequest): void => {
      if (request.type !== 'WorkloadPolicy' || this.#told.has(member.name)) stream!.receive(request);
      else if (held.push(request) > MAXIMUM_HELD)
        throw new RefusalError('message-invalid', 'name the workloads of the host before asking for so many policies');
    };
    const begin = (): void => {
      if (end.isOver()) return;
      stream = this.#parts.publisher.open(member.name, senderOf(call));
      if (!this.#told.has(member.name))
        this.#onTold.set(member.name, () => end.guard(() => held.splice(0).forEach(take)));
      call.on('data', (request: DeltaRequest) => end.guard(() => take(request)));
    };
    // Until then nothing is read, so nothing is promised and nothing is taken away from the host.
    this.#parts.ready.then(begin, (error: unknown) => end.fail(error));
  }

  /** Ends the streams of a host, which is told why. */
  dismiss(host: string, why: string): void {
    this.#told.delete(host);
    this.#onTold.delete(host);
    for (const open of this.#open.values())
      if (open.host === host) open.end(this.#statusOf(new RefusalError('host-unknown', why), host));
  }

  /** Cuts off hosts that stopped answering, until the signal aborts. Never rejects. */
  async watch(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#parts;
    while (!signal.aborted) {
      await clock.sleep(LOOK_MS, signal).catch(() => undefined);
      for (const open of this.#open.values()) {
        if ((open.waitingSince() ?? Number.POSITIVE_INFINITY) > clock.now() - ANSWER_MS) continue;
        logger.warn('a host does not acknowledge what it was sent; cut off', { host: open.host });
        open.end(
          Object.assign(new Error('no acknowledgement'), { code: 4, details: 'no acknowledgement within 60 s' }),
        );
      }
    }
  }

  #tell(host: string): void {
    this.#told.add(host);
    this.#onTold.get(host)?.();
    this.#onTold.delete(host);
  }

  #stillMember(member: Member): Member {
    const now = this.#parts.members.get(member.name);
    if (now) return now;
    throw new RefusalError('host-unknown', removedText(member.name));
  }

  /** Takes the place of an older stream. @param onOver called once when the stream ends, in whatever way. */
  #begin<Q, A>(
    kind: string,
    call: ServerDuplexStream<Q, A>,
    host: string,
    waitingSince: Open['waitingSince'] = () => undefined,
    onOver: () => void = () => undefined,
  ): Served {
    const key = `${kind}/${host}`;
    let isOver = false;
    const over = (): void => {
      if (isOver) return;
      isOver = true;
      if (this.#open.get(key) === open) this.#open.delete(key);
      onOver();
    };
    const fail = (error: unknown): void => {
      if (isOver) return;
      over();
      call.removeAllListeners('data');
      call.resume();
      // Not destroy(): that would end the stream before its status is sent.
      call.emit('error', error instanceof Error && 'details' in error ? error : this.#statusOf(error, host));
    };
    const open: Open = { host, from: addressOf(call.getPeer()), end: fail, waitingSince };
    this.#open
      .get(key)
      ?.end(Object.assign(new Error('replaced'), { code: 10, details: 'a newer stream of this host took over' }));
    this.#open.set(key, open);
    call.on('close', over);
    call.on('cancelled', over);
    call.on('end', () => call.end());
    const guard = (work: () => void): void => {
      try {
        work();
      } catch (error) {
        fail(error);
      }
    };
    return { guard, fail, isOver: () => isOver };
  }
}

/** Sends responses. A host that acknowledges what it does not read would have them pile up here: it is not read either. */
function senderOf(call: ServerDuplexStream<DeltaRequest, DeltaResponse>): (response: DeltaResponse) => void {
  let unread = 0;
  return response => {
    unread += 1;
    call.write(response, () => {
      unread -= 1;
      if (unread <= MAXIMUM_UNREAD && call.isPaused()) call.resume();
    });
    if (unread > MAXIMUM_UNREAD) call.pause();
  };
}

/** The IP address in gRPC's `address:port`, `[address]:port` or `ipv4:address:port`. */
export function addressOf(peer: string): string {
  const address = peer
    .replace(/^ipv[46]:/, '')
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1');
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
