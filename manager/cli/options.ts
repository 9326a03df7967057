import type { ManagerAddress } from './client.ts';
import type { CommandArguments, CommandOption } from './command.ts';

/** The options of every command that speaks to the Manager. */
export const CONNECTION_OPTIONS: Readonly<Record<string, CommandOption>> = {
  'run-dir': {
    type: 'string',
    placeholder: 'folder',
    default: '/run/isthmus',
    summary: "folder of the Manager's socket, on its own host",
  },
  manager: { type: 'string', placeholder: 'url', summary: 'a Manager elsewhere, such as https://10.0.0.1:15014' },
  'token-file': { type: 'string', placeholder: 'file', summary: 'file with the admin token, for --manager' },
  'ca-file': { type: 'string', placeholder: 'file', summary: 'file with the root of trust, PEM, for --manager' },
};

/** How to print data. */
export const OUTPUT_OPTION: Readonly<Record<string, CommandOption>> = {
  output: {
    type: 'string',
    short: 'o',
    choices: ['table', 'json', 'yaml'],
    default: 'table',
    summary: 'how to print it',
  },
};

/** How to print data with times in it, which are so in all that is no config object. */
export const TIMED_OUTPUT_OPTION: Readonly<Record<string, CommandOption>> = {
  output: {
    ...OUTPUT_OPTION['output']!,
    summary: 'how to print it; times in json and yaml are milliseconds since 1970',
  },
};

/** Which files to read. */
export const FILE_OPTION: Readonly<Record<string, CommandOption>> = {
  file: {
    type: 'string',
    short: 'f',
    multiple: true,
    placeholder: 'path',
    summary: 'a YAML or JSON file, a folder of them, or - for standard input',
  },
};

/** Which namespace. */
export const NAMESPACE_OPTION: Readonly<Record<string, CommandOption>> = {
  namespace: { type: 'string', short: 'n', placeholder: 'name', summary: 'the namespace' },
};

/** The Manager that the connection options name. */
export function addressOf(values: CommandArguments['values']): ManagerAddress {
  const [runDir, url, tokenFile, caFile] = ['run-dir', 'manager', 'token-file', 'ca-file'].map(name =>
    textOf(values, name),
  );
  return {
    ...(runDir === undefined ? {} : { runDir }),
    ...(url === undefined ? {} : { url }),
    ...(tokenFile === undefined ? {} : { tokenFile }),
    ...(caFile === undefined ? {} : { caFile }),
  };
}

/** The value of an option that takes one text. */
export function textOf(values: CommandArguments['values'], name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}

/** The values of an option that may be repeated. */
export function textsOf(values: CommandArguments['values'], name: string): readonly string[] {
  const value = values[name];
  return Array.isArray(value) ? value.filter(entry => typeof entry === 'string') : [];
}
