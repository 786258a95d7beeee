/** Columns under their names, as wide as their longest text and two spaces apart. No line ends in spaces. */
export function textTable(names: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [names, ...rows]
  const widths = names.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines
    .map(
      (line) =>
        `${line
          .map((text, i) => text.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}

/** One word of a command line that a shell reads as it is meant. */
export function shellWord(text: string): string {
  return /^[\w./@:+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

/** More would not be read. */
const CLOSEST_MAX = 3

/** Those names that somebody most likely meant: alike but for a few letters, or one a part of the other. The closest first. */
export function closestNames(names: Iterable<string>, word: string): string[] {
  const wanted = word.toLowerCase()
  return [...new Set(names)]
    .map((name) => ({ name, distance: distanceOf(name.toLowerCase(), wanted) }))
    .filter(({ distance }) => distance <= Math.max(1, Math.floor(word.length / 3)))
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, CLOSEST_MAX)
    .map(({ name }) => name)
}

function distanceOf(name: string, wanted: string): number {
  return wanted.length > 1 && (name.includes(wanted) || wanted.includes(name)) ? 0.5 : editDistance(name, wanted)
}

/** Levenshtein's: how many letters are to be put in, taken out or exchanged. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const exchanged = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(exchanged, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

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
