import { type Line, numberOf, textOf } from '../../operator/lines/line.js'
import { exactText, spanText } from '../../operator/lines/when.js'
import { levelOf, rowOf } from '../../reasons.js'
import type { Output, Paint } from '../../terminal/io.js'
import { textAt } from '../../terminal/text.js'

const COLORS = { error: 'red', warn: 'yellow', info: 'dim' } as const

/** Of the second and further lines, if a terminal is too narrow for one. */
const INDENT = 2

interface Part {
  readonly shown: string
  paint(text: string): string
}

/** Texts two spaces apart; on a terminal, those that do not fit go on in further lines. */
function joined(parts: readonly Part[], output: Output): string {
  const room = output.isTTY ? output.columns || 80 : Number.POSITIVE_INFINITY
  let [text, column] = ['', 0]
  for (const { shown, paint } of parts) {
    const fits = column === 0 || column + 2 + shown.length <= room
    if (column > 0) text += fits ? '  ' : `\n${' '.repeat(INDENT)}`
    column = (fits ? column + (column === 0 ? 0 : 2) : INDENT) + shown.length
    text += paint(textAt(INDENT, shown, output))
  }
  return text
}

/**
 * A line in fixed order: when, whose, what, how it ended, how long it took and in which dependency, the ids.
 * @param now on a terminal, how long ago that was is said too; left out where the line stays while time goes on
 */
export function lineText(
  { at, step, outcome, reason, fields }: Line,
  paint: Paint,
  output: Output,
  now = Number.NaN,
): string {
  const level = reason === undefined ? (outcome === 'fault' ? 'error' : 'info') : levelOf(reason, outcome)
  const ms = numberOf(fields, 'durationMs')
  const upstream = Object.entries((fields.upstream as Record<string, unknown> | undefined) ?? {})
  const plain = (shown: string): Part => ({ shown, paint: (text) => text })
  const parts: Part[] = [
    plain(exactText(at)),
    { shown: output.isTTY && now >= at ? `${spanText(now - at)} ago` : '', paint: (text) => paint('dim', text) },
    plain(textOf(fields, 'tenantId') ?? textOf(fields, 'userPoolId') ?? '-'),
    plain(step),
    {
      shown: reason === undefined ? outcome : `${outcome} ${reason}`,
      paint: (text) => paint(COLORS[level], text),
    },
    plain(ms === undefined ? '' : `${ms} ms`),
    plain(upstream.map(([name, took]) => `${name} ${took}`).join(', ')),
    plain(textOf(fields, 'user') ?? ''),
    plain(textOf(fields, 'flowId') ?? ''),
    {
      shown:
        level === 'info' || reason === undefined
          ? ''
          : `(${rowOf(reason).owner}: ${firstSentence(rowOf(reason).means)})`,
      paint: (text) => paint('dim', text),
    },
  ]
  return joined(
    parts.filter(({ shown }) => shown !== ''),
    output,
  )
}

const firstSentence = (text: string) => /^.*?\.(?= |$)/.exec(text)?.[0] ?? text
