import { type Line, numberOf, textOf } from '../../operator/lines/line.js'
import { timeText } from '../../operator/lines/when.js'
import { levelOf, rowOf } from '../../reasons.js'
import type { Paint } from '../../terminal/io.js'

const COLORS = { error: 'red', warn: 'yellow', info: 'dim' } as const

/** A line in fixed order: when, whose, what, how it ended, how long it took and in which dependency, the ids. */
export function lineText({ at, step, outcome, reason, fields }: Line, paint: Paint): string {
  const level = reason === undefined ? (outcome === 'fault' ? 'error' : 'info') : levelOf(reason, outcome)
  const ms = numberOf(fields, 'durationMs')
  const upstream = Object.entries((fields.upstream as Record<string, unknown> | undefined) ?? {})
  const parts = [
    timeText(at),
    textOf(fields, 'tenantId') ?? textOf(fields, 'userPoolId') ?? '-',
    step,
    paint(COLORS[level], reason === undefined ? outcome : `${outcome} ${reason}`),
    ms === undefined ? '' : `${ms} ms`,
    upstream.map(([name, took]) => `${name} ${took}`).join(', '),
    textOf(fields, 'user') ?? '',
    textOf(fields, 'flowId') ?? '',
    level === 'info' || reason === undefined
      ? ''
      : paint('dim', `(${rowOf(reason).owner}: ${firstSentence(rowOf(reason).means)})`),
  ]
  return parts.filter((part) => part !== '').join('  ')
}

const firstSentence = (text: string) => /^.*?\.(?= |$)/.exec(text)?.[0] ?? text
