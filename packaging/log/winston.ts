import { styleText } from 'node:util';
import winston from 'winston';
import { escapeControls } from '../../manager/model/util/controls.ts';
import { codeOf, messageOf } from '../../manager/model/util/errors.ts';
import type { LogFields, Logger } from '../../manager/model/util/log.ts';
import type { LogLevel } from './level.ts';

export interface LogOptions {
  readonly level: LogLevel;
  /** `text`: a line for people; `json`: one object a line. */
  readonly format: 'text' | 'json';
  readonly colour: boolean;
  readonly stream: NodeJS.WritableStream;
}

const COLOURS = { error: 'red', warn: 'yellow', info: 'green', debug: 'gray' } as const;

/** Logs through winston: one event is one line, whatever the message holds. */
export function createLogger(options: LogOptions): Logger {
  const line = winston.format.printf(({ level, message, fields }) => {
    const event = { level: level as LogLevel, message: String(message), fields: plain(fields as LogFields) };
    return escapeControls(options.format === 'json' ? asJson(event) : asText(event, options.colour));
  });
  const transport = new winston.transports.Stream({ stream: options.stream, eol: '\n' });
  return wrap(
    winston.createLogger({
      level: options.level,
      levels: { error: 0, warn: 1, info: 2, debug: 3 },
      format: line,
      transports: [transport],
    }),
    {},
  );
}

function wrap(inner: winston.Logger, own: LogFields): Logger {
  const log = (level: LogLevel, message: string, fields?: LogFields): void => {
    inner.log({ level, message, fields: { ...own, ...fields } });
  };
  return {
    error: (message, fields) => log('error', message, fields),
    warn: (message, fields) => log('warn', message, fields),
    info: (message, fields) => log('info', message, fields),
    debug: (message, fields) => log('debug', message, fields),
    child: fields => wrap(inner, { ...own, ...fields }),
  };
}

interface Event {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

function asJson({ level, message, fields }: Event): string {
  return JSON.stringify({ time: new Date().toISOString(), level, message, ...fields });
}

function asText({ level, message, fields }: Event, colour: boolean): string {
  const name = level.padEnd(5);
  const shown = colour ? styleText(COLOURS[level], name, { validateStream: false }) : name;
  const facts = Object.entries(fields).map(
    ([key, value]) => ` ${key}=${typeof value === 'string' ? quoted(value) : JSON.stringify(value)}`,
  );
  return `${new Date().toISOString().slice(11, 23)} ${shown} ${message.replaceAll('\n', '\\n')}${facts.join('')}`;
}

function quoted(text: string): string {
  return /^[\w./:@|<>*-]+$/.test(text) ? text : JSON.stringify(text);
}

/** Fields as JSON can carry them: errors become their message and code, what is undefined is left out. */
function plain(fields: LogFields): LogFields {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([key, value]) => [key, plainValue(value)]));
}

function plainValue(value: unknown): unknown {
  if (value instanceof Error)
    return codeOf(value) === undefined ? messageOf(value) : `${messageOf(value)} (${codeOf(value)})`;
  return typeof value === 'bigint' ? String(value) : value;
}
