/** The command that shows which program listens on a port of this host, for messages about a port that is taken. */
export function whoListens(port: number, protocol: 'TCP' | 'UDP' = 'TCP'): string {
  return `ss -lp${protocol === 'TCP' ? 't' : 'u'}n 'sport = :${port}'`;
}
