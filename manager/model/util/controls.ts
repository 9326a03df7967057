/**
 * Control characters that JSON leaves as they are (DEL, C1), as its escapes: some terminals take the one at U+009B for the beginning of a
 * command. @param text JSON, or YAML, which quotes a text that holds any.
 */
export function escapeControls(text: string): string {
  return text.replaceAll(/[\u007f-\u009f]/g, found => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
