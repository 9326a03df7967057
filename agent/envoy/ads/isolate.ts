/**
 * Groups in which the resources of a refused response are sent again, so that the bad ones are found and the good ones get through:
 * those that Envoy's message names each alone after all others; two halves when it names none, or all.
 */
export function split(names: readonly string[], reason: string): string[][] {
  const suspects = names.filter(name => mentions(reason, name));
  if (suspects.length > 0 && suspects.length < names.length) {
    const named = new Set(suspects);
    return [names.filter(name => !named.has(name)), ...suspects.map(name => [name])];
  }
  const middle = Math.ceil(names.length / 2);
  return [names.slice(0, middle), names.slice(middle)];
}

/** Whether a text contains a name that is not part of a longer one. */
function mentions(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    if (!isNamePart(text[at - 1]) && !isNamePart(text[at + name.length])) return true;
  }
  return false;
}

function isNamePart(character: string | undefined): boolean {
  return character !== undefined && /[\w|/-]/.test(character);
}
