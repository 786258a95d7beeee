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
