import { sep } from 'node:path'
import leven from 'leven'
import { quote } from 'shlex'
import stringWidth from 'string-width'
import wrapAnsi from 'wrap-ansi'
import { inLine, isObeyed } from './clean.js'

/** Of an output, what decides how long its lines may be. */
interface Width {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

/** Between two columns. No cell holds two spaces in a row, so that a program can cut a line at them. */
const GAP = 2
/** How far the second line of a row that needs several is indented. */
const INDENT = 2
/** Of a terminal that does not say how wide it is; some say 0. */
const COLUMNS = 80

/**
 * Columns under their names, two spaces apart, as wide as their longest text; an empty cell shows `-`.
 * On a terminal lines are no longer than it is wide: texts wrap between words, and columns that do not fit even so go on in
 * a second line, indented. Anywhere else, and without an output, a row is one line.
 */
export function textTable(names: readonly string[], rows: readonly (readonly string[])[], output?: Width): string {
  const cells = [names, ...rows].map((row) =>
    names.map((_, i) => inLine(row[i]?.trim().replaceAll(/\s+/g, ' ') ?? '') || '-'),
  )
  const columns = names.map((_, i) => columnOf(cells.map((row) => row[i] ?? '')))
  const total = output?.isTTY ? output.columns || COLUMNS : Number.POSITIVE_INFINITY
  const groups = groupsOf(columns, total).map(({ from, to, indent }) => ({
    from,
    to,
    indent,
    widths: widthsOf(columns.slice(from, to), total - indent),
  }))
  return cells
    .map((row) => groups.map(({ from, to, indent, widths }) => rowText(row.slice(from, to), widths, indent)).join(''))
    .join('')
}

interface Column {
  /** Of its longest text. */
  readonly width: number
  /** Of its longest word: it cannot be narrower. */
  readonly narrowest: number
}

function columnOf(texts: readonly string[]): Column {
  return { width: widest(texts), narrowest: widest(texts.flatMap((text) => text.split(' '))) }
}

function widest(texts: readonly string[]): number {
  return texts.reduce((width, text) => Math.max(width, widthOf(text)), 0)
}

/** How many columns of a terminal a text takes. The library is thorough and slow; most texts are of letters of width one. */
function widthOf(text: string): number {
  return /^[ -~]*$/.test(text) ? text.length : stringWidth(text)
}

/** Which columns share a line: as many as fit, each at its narrowest. */
function groupsOf(columns: readonly Column[], total: number) {
  const groups = [{ from: 0, to: 0, indent: 0 }]
  let room = total
  for (const [i, { narrowest }] of columns.entries()) {
    const group = groups.at(-1)
    if (group && (narrowest <= room || group.from === i)) group.to = i + 1
    else {
      groups.push({ from: i, to: i + 1, indent: INDENT })
      room = total - INDENT
    }
    room -= narrowest + GAP
  }
  return groups
}

/** Takes what is too much off the columns that can spare most. */
function widthsOf(columns: readonly Column[], total: number): number[] {
  const widths = columns.map(({ width }) => width)
  let over = widths.reduce((sum, width) => sum + width + GAP, -GAP) - total
  const spare = (i: number) => (columns[i]?.width ?? 0) - (columns[i]?.narrowest ?? 0)
  for (const i of [...widths.keys()].sort((a, b) => spare(b) - spare(a))) {
    const taken = Math.max(0, Math.min(over, spare(i)))
    widths[i] = (widths[i] ?? 0) - taken
    over -= taken
  }
  return widths
}

/** A row, or a part of one, of as many lines as its longest cell needs. No line ends in spaces. */
function rowText(cells: readonly string[], widths: readonly number[], indent: number): string {
  const wrapped = cells.map((text, i) => {
    const width = widths[i] ?? 0
    return widthOf(text) <= width ? [text] : wrapAnsi(text, width).split('\n')
  })
  const height = Math.max(...wrapped.map((lines) => lines.length))
  return Array.from({ length: height }, (_, n) => {
    const parts = wrapped.map((lines, i) => padEnd(lines[n] ?? '', widths[i] ?? 0))
    return `${' '.repeat(indent)}${parts.join(' '.repeat(GAP)).trimEnd()}\n`
  }).join('')
}

function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)))
}

/** Narrower than that, a text is easier to read as one line that the terminal breaks. */
const WRAPPED_MIN = 20

/**
 * A text that begins in a column of its own: on a terminal it wraps between words, and goes on in that column. Anywhere
 * else, and without an output, it stays one line.
 * @param column how many characters stand before it
 */
export function textAt(column: number, text: string, output?: Width): string {
  const width = output?.isTTY ? (output.columns || COLUMNS) - column : Number.POSITIVE_INFINITY
  if (width < WRAPPED_MIN || widthOf(text) <= width) return text
  return wrapAnsi(text, width).replaceAll('\n', `\n${' '.repeat(column)}`)
}

/** A command line of ours, of npm or of the AWS CLI in a sentence, with what follows it there. */
const COMMAND = /(?<=^|[\s`])(?:corbado-gateway|npx|aws) [^;`]*/g
/** Stands for a space that no line ends at; of the characters that have no meaning of their own. */
export const GLUE = '\ue000'

/** As {@link textAt}, but a command line in the text stays one line: who copies it would else paste two. */
export function adviceAt(column: number, text: string, output?: Width): string {
  const glued = text.replace(COMMAND, (command) => command.replaceAll(' ', GLUE))
  return textAt(column, glued, output).replaceAll(GLUE, ' ')
}

/** How many there are, e.g. `1 alias` or `2 aliases`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`
}

/** A word that sh, cmd.exe and PowerShell read as it stands. A comma makes a list of it in PowerShell, and an @ before it a variable. */
const PLAIN = /^(?!@)[\w@+=:./-]+$/
/** What means something to one of them, or to bash, within double quotes too. */
const QUOTED = /["$`\\!%]/

/**
 * One word of a command line that every shell reads as it is meant, always on one line. A path is written with slashes, which
 * Windows takes too. Only a POSIX shell reads the form that a word with quotes and the like gets, and only bash and zsh that of
 * one with line breaks or control characters; no name that is meant to be typed has any.
 * @param separator of paths here
 */
export function shellWord(text: string, separator: string = sep): string {
  const word = separator === '\\' ? text.replaceAll('\\', '/') : text
  if (isObeyed(word)) return `$'${inLine(word.replace(/[\\']/g, '\\$&'))}'`
  if (PLAIN.test(word)) return word
  return word === '' || QUOTED.test(word) ? quote(word) : `"${word}"`
}

/** More would not be read. */
const CLOSEST_MAX = 3

/** The names that a person most likely meant: a few letters differ, or one is part of the other. Closest first. */
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
  return wanted.length > 1 && (name.includes(wanted) || wanted.includes(name)) ? 0.5 : leven(name, wanted)
}

/** What HTML would take for a tag or an entity; written so, it is text in every renderer. */
const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

/**
 * A text by others, for a Markdown document: nothing in it is markup, HTML, or an address that would become a link.
 * @param text of one line
 */
export function markdownText(text: string): string {
  return text
    .replaceAll(/[\\`*_[\]|~@#]|[.:](?=\S)/g, '\\$&')
    .replaceAll(/[&<>]/g, (character) => entities[character] ?? '')
}
