import type { ClientDuplexStream } from '@grpc/grpc-js';
import type {
  HostReportAck,
  HostReportMessage,
  HostStatus,
  ReportedWorkload,
} from '../../manager/model/proto/messages.ts';
import type { Host } from '../../manager/model/workload.ts';

/** How often a host is heard of at the least, milliseconds: three times in a lease of ten seconds. */
const HEARTBEAT_MS = 3_000;

/** What a host says of itself; each part stays the same object while nothing in it changed. */
export interface HostFacts {
  readonly host: Host;
  /** Undefined until the host knows them: the Manager goes on with what it knew, rather than taking all of them out. */
  readonly workloads: readonly ReportedWorkload[] | undefined;
  readonly status: HostStatus;
}

/** One stream of reports: everything that is known at first, later what changed, and a heartbeat. */
export class Reporting {
  readonly #stream: ClientDuplexStream<HostReportMessage, HostReportAck>;
  readonly #facts: () => HostFacts;
  readonly #timer: NodeJS.Timeout;
  #sequence = 0;
  #sent: HostFacts | undefined;

  /** Begins at once. The caller watches the stream's end and calls `stop`. */
  constructor(
    stream: ClientDuplexStream<HostReportMessage, HostReportAck>,
    facts: () => HostFacts,
    onAck: (ack: HostReportAck) => void,
  ) {
    this.#stream = stream;
    this.#facts = facts;
    stream.on('data', onAck);
    this.#timer = setInterval(() => this.send(), HEARTBEAT_MS);
    this.send();
  }

  /** Tells what changed since the last time, or just that the host is there. */
  send(): void {
    if (!this.#stream.writable) return;
    const { host, workloads, status } = this.#facts();
    this.#sequence += 1;
    this.#stream.write({
      sequence: this.#sequence,
      ...(host === this.#sent?.host ? {} : { host }),
      ...(workloads === undefined || workloads === this.#sent?.workloads ? {} : { workloads }),
      ...(status === this.#sent?.status ? {} : { status }),
    });
    this.#sent = { host, workloads, status };
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
