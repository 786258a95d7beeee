/** What HTML would take for a tag or an entity; written so, it is text in every renderer. */
const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

/**
 * Somebody's words as text of a Markdown document: nothing in them is markup, HTML, or an address that would become a link.
 * @param text of one line
 */
export function markdownText(text: string): string {
  return text
    .replaceAll(/[\\`*_[\]|~@#]|[.:](?=\S)/g, '\\$&')
    .replaceAll(/[&<>]/g, (character) => entities[character] ?? '')
}
