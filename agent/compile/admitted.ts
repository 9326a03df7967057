import { filter } from './filters.ts';
import { METADATA, SOURCE_KEY } from './names.ts';
import type { JsonMap } from './resource.ts';

/** A connection that was let in to a workload of this host, and who came: a policy that changes later must find those it refuses. */
export interface Admitted {
  /** The cluster of the workload's port, as `appCluster` names it. */
  readonly cluster: string;
  /** The proxy's own end of the connection to the workload, `10.0.0.1:40000` or `[::1]:40000`; with `remote` it names one connection. */
  readonly local: string;
  /** The workload's end. */
  readonly remote: string;
  /** SPIFFE ID; undefined for a caller without identity. */
  readonly source?: string;
}

const NOBODY = '-';
const ENDS = '%UPSTREAM_LOCAL_ADDRESS% %UPSTREAM_REMOTE_ADDRESS%';
const JUDGED = '%UPSTREAM_CLUSTER%';
/** Metadata of an endpoint that is dialled for callers whom nobody need judge: the cluster that leads there for those who are judged. */
const DIALLED: Readonly<Record<'key' | 'format', string>> = {
  key: 'app',
  format: `%UPSTREAM_METADATA(${METADATA}:app)%`,
};

/**
 * A request that goes on for so long is noted while it does, milliseconds: sooner than `Revocation` looks for those that a policy refuses.
 * What is over sooner is nothing that a policy could end.
 */
const LONG_MS = 10_000;

/** Which connections lines are written for. */
type Where = 'tcp' | 'tunnel' | 'tcp dialled' | 'http dialled';

/** What names the cluster, and when a line is written. */
const MOMENTS: Readonly<Record<Where, readonly [cluster: string, moment: string, options: JsonMap]>> = {
  tcp: [JUDGED, 'TcpUpstreamConnected', { flush_access_log_on_connected: true }],
  tunnel: [JUDGED, 'DownstreamTunnelSuccessfullyEstablished', { flush_log_on_tunnel_successfully_established: true }],
  'tcp dialled': [DIALLED.format, 'TcpUpstreamConnected', { flush_access_log_on_connected: true }],
  'http dialled': [DIALLED.format, 'DownstreamPeriodic', { access_log_flush_interval: `${LONG_MS / 1000}s` }],
};

/**
 * Fields of a TCP proxy, or of what parses HTTP, that write a line into a file for each connection to a workload once it is made. Over
 * connections that parsed HTTP is sent on, one caller's requests follow one another, and a line tells of a request that is long under way.
 */
export function noteAdmitted(path: string, where: Where): JsonMap {
  const [cluster, moment, options] = MOMENTS[where];
  const format = `${cluster} ${ENDS} %FILTER_STATE(${SOURCE_KEY}:PLAIN)%\n`;
  const file = filter('admitted', 'access_loggers.file.v3.FileAccessLog', {
    path,
    log_format: { text_format_source: { inline_string: format } },
  });
  return { access_log: [{ ...file, filter: { log_type_filter: { types: [moment] } } }], access_log_options: options };
}

/** Metadata of an endpoint that is dialled, by which {@link noteAdmitted} knows it. @param cluster of the workload's port. */
export function dialledFor(cluster: string): JsonMap {
  return { [METADATA]: { [DIALLED.key]: cluster } };
}

const LINE = /^(app\|\S+\|\d+) (\S+:\d+) (\S+:\d+) (-|spiffe:\/\/\S+)$/;

/** Reads what {@link noteAdmitted} wrote; refused connections, what goes elsewhere, and a line that is not whole yet, are passed over. */
export function readAdmitted(text: string): readonly Admitted[] {
  return text.split('\n').flatMap(line => {
    const [, cluster, local, remote, source] = LINE.exec(line) ?? [];
    if (cluster === undefined || local === undefined || remote === undefined) return [];
    return [{ cluster, local, remote, ...(source === NOBODY || source === undefined ? {} : { source }) }];
  });
}

/** The line of a connection, as {@link readAdmitted} reads it. */
export function admittedLine({ cluster, local, remote, source = NOBODY }: Admitted): string {
  return `${cluster} ${local} ${remote} ${source}\n`;
}
