import { filter } from './filters.ts';
import { SOURCE_KEY } from './names.ts';
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
const FORMAT = `%UPSTREAM_CLUSTER% %UPSTREAM_LOCAL_ADDRESS% %UPSTREAM_REMOTE_ADDRESS% %FILTER_STATE(${SOURCE_KEY}:PLAIN)%\n`;

/** Fields of a TCP proxy, or of what ends tunnels, that write a line into a file for each connection once it is made. */
export function noteAdmitted(path: string, where: 'tcp' | 'tunnel'): JsonMap {
  const [moment, options] =
    where === 'tcp'
      ? ['TcpUpstreamConnected', { flush_access_log_on_connected: true }]
      : ['DownstreamTunnelSuccessfullyEstablished', { flush_log_on_tunnel_successfully_established: true }];
  const file = filter('admitted', 'access_loggers.file.v3.FileAccessLog', {
    path,
    log_format: { text_format_source: { inline_string: FORMAT } },
  });
  return { access_log: [{ ...file, filter: { log_type_filter: { types: [moment!] } } }], access_log_options: options };
}

const LINE = /^(app\|\S+\|\d+) (\S+:\d+) (\S+:\d+) (-|spiffe:\/\/\S+)$/;

/** Reads what {@link noteAdmitted} wrote; refused connections, and a line that is not whole yet, are passed over. */
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
