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
  if (/\\[ZGhHRXNK]/.test(classless)) return 'has an escape that RE2 does not know';
  const repeated = /\{(\d+)(?:,(\d*))?\}/g;
  for (const [, least, most] of classless.matchAll(repeated))
    if (Number(least) > 1_000 || Number(most ?? 0) > 1_000) return 'repeats more than 1000 times, which RE2 refuses';
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
