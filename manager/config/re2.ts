/**
 * What is wrong with a regular expression in RE2's syntax (https://github.com/google/re2/wiki/Syntax), which Envoy uses;
 * undefined when nothing is found. Syntax that both have is left to the JavaScript engine.
 */
export function re2Problem(pattern: string): string | undefined {
  const literal = pattern.replace(/\\Q.*?(\\E|$)/gs, 'q').replace(/\\\\/g, 'b');
  const classless = literal.replace(/\[(\^?\]?(\\.|\[:\^?[a-z]+:\]|[^\]\\])*)\]/g, 'c');
  if (/\(\?<?[=!]/.test(classless)) return 'has a look-around, which RE2 does not know';
  if (/\\[1-9]/.test(classless) || /\\k</.test(classless)) return 'has a backreference, which RE2 does not know';
  if (/\(\?>/.test(classless) || /[*+?}]\+/.test(classless))
    return 'has a possessive or atomic group, which RE2 does not know';
  const unknown = unknownEscape(literal);
  if (unknown !== undefined) return `has "${unknown}", which RE2 does not know`;
  if (mostRepeats(classless) > 1_000) return 'repeats more than 1000 times, which RE2 refuses';
  try {
    new RegExp(
      literal
        .replace(/\(\?P?<([A-Za-z_]\w*)>/g, '(?<$1>')
        .replace(/\(\?[imsU-]+(:|\))/g, (_, end: string) => (end === ':' ? '(?:' : ''))
        .replace(/\[:\^?[a-z]+:\]/g, 'a')
        .replace(/\\[AzCaE]/g, ''),
    );
    return undefined;
  } catch (error) {
    return (error as Error).message.replace(/^Invalid regular expression: .*\/: /, '').toLowerCase();
  }
}

const POSIX_CLASS = /^\[:\^?(alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit):\]$/;
/** What RE2 takes behind a backslash, besides signs that stand for themselves. */
const ESCAPE =
  /^\\([afnrtvdDsSwWbBAzC]|0[0-7]{0,2}|x([0-9A-Fa-f]{2}|\{[0-9A-Fa-f]{1,6}\})|[pP]([CLMNPSZ]|\{\^?([CLMNPSZ][a-z]?|[A-Z][a-z]+(_[A-Z][a-z]+)*)\}))/;
/** A class with an escape that stands for a place, or for bytes. */
const NO_CHARACTER = /\[\^?\]?(\\[^bBAzC]|\[:\^?[a-z]+:\]|[^\]\\])*\\[bBAzC]/;

/** The first escape or named class that JavaScript reads as something else, and RE2 not at all. */
function unknownEscape(pattern: string): string | undefined {
  for (const [name] of pattern.matchAll(/\[:\^?[a-z]+:\]/g)) if (!POSIX_CLASS.test(name)) return name;
  for (const { index, 0: start } of pattern.matchAll(/\\[A-Za-z0-9]/g))
    if (!ESCAPE.test(pattern.slice(index, index + 40))) return start;
  return NO_CHARACTER.exec(pattern)?.[0];
}

/** How often the most repeated part may occur, by numbers in braces: those of a group multiply those in it. */
function mostRepeats(pattern: string): number {
  const open = [1];
  let last = 1;
  for (const [part, least, most] of pattern.matchAll(/\\.|\{(\d+)(?:,(\d*))?\}|./gs)) {
    if (part === '(') {
      open.push(1);
      continue;
    }
    if (least !== undefined) last *= Math.max(1, Number(most || least));
    else last = part === ')' ? (open.pop() ?? 1) : 1;
    open.push(Math.max(open.pop() ?? 1, last));
  }
  return Math.max(...open);
}
