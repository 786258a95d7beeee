import { timeText } from '../lines/when.js'
import type { Changed, Column, Incident, ReportFacts } from './facts.js'
import { html, type Markup } from './markup.js'

/** Heights in pixels. Across, all is in per cent: the chart is as wide as the page, and no letter is stretched. */
const BARS = 150
const SHARE = 60
const ROW = 16
const GAP = 22
/** Incidents drawn one below another; further ones are in the list alone. */
const ROWS_MAX = 12
/** Fewer logins tell no share. */
const LOGINS_MIN = 5

const number = (value: number) => Math.round(value * 100) / 100

/** Logins over time, the share that ended well, incidents and changes, over one axis. The figures are also in a table. */
export function loginChart(facts: ReportFacts): Markup {
  const { columns, columnMs, incidents, changes, from, tenant } = facts
  const start = columns[0]?.at ?? from
  const spanMs = Math.max(1, columns.length * columnMs)
  const across = (at: number) => number(Math.min(100, Math.max(0, ((at - start) / spanMs) * 100)))
  const shown = incidents.slice(0, ROWS_MAX)
  const shareTop = BARS + GAP
  const rowsTop = shareTop + SHARE + GAP
  const marksTop = rowsTop + shown.length * ROW + (shown.length > 0 ? GAP : 0)
  const axis = marksTop + ROW + 14
  const width = 100 / Math.max(1, columns.length)
  return html`<svg class="chart" width="100%" height="${axis + 6}" role="img" aria-labelledby="chart-name">
<title id="chart-name">Logins over time: begun, signed in, share that succeeded, incidents, changes</title>
${shown.map(({ from, to, diagnosis }) => {
  if (tenant === undefined && !diagnosis.finding.everywhere) return undefined
  const x = across(from)
  return html`<rect class="band" x="${x}%" y="0" width="${number(Math.max(0.3, across(to) - x))}%" height="${axis - 14}"/>
`
})}${bars(columns, width)}
${shares(columns, width, shareTop)}
${shown.map((incident, row) => incidentRow(incident, across, rowsTop + row * ROW))}
${marks(changes, across, marksTop)}
${ticks(start, spanMs, axis)}
</svg>
`
}

function bars(columns: readonly Column[], width: number): Markup {
  const most = Math.max(1, ...columns.map(({ begun }) => begun))
  const bar = (name: string, value: number, index: number) => {
    const height = number((value / most) * (BARS - 16))
    return html`<rect class="${name}" x="${number(index * width + width * 0.1)}%" y="${number(BARS - height)}" width="${number(width * 0.8)}%" height="${height}"/>`
  }
  return html`<text class="label" x="0" y="10">${`logins, at most ${most}`}</text>
<line class="axis" x1="0" x2="100%" y1="${BARS}" y2="${BARS}"/>
${columns.map(({ begun, tokens }, index) => [bar('begun', begun, index), bar('tokens', tokens, index)])}`
}

/** Columns with too few logins are left out, and the line is broken there. */
function shares(columns: readonly Column[], width: number, top: number): Markup {
  const at = columns.map(({ begun, tokens }, index) => {
    return begun < LOGINS_MIN
      ? undefined
      : { x: number((index + 0.5) * width), y: number(top + SHARE * (1 - Math.min(1, tokens / begun))) }
  })
  const pieces = at.map((point, index) => {
    const before = at[index - 1]
    if (point === undefined) return undefined
    if (before === undefined) return html`<circle class="share" cx="${point.x}%" cy="${point.y}" r="2"/>`
    return html`<line class="share" x1="${before.x}%" y1="${before.y}" x2="${point.x}%" y2="${point.y}"/>`
  })
  return html`<text class="label" x="0" y="${top - 8}">share signed in, 0 to 100 %</text>
<line class="axis" x1="0" x2="100%" y1="${top}" y2="${top}"/><line class="axis" x1="0" x2="100%" y1="${top + SHARE}" y2="${top + SHARE}"/>
${pieces}`
}

function incidentRow({ number: no, from, to, what }: Incident, across: (at: number) => number, y: number): Markup {
  const x = across(from)
  const width = number(Math.max(0.6, across(to) - x))
  const left = x > 50
  return html`<rect class="incident" x="${x}%" y="${y}" width="${width}%" height="${ROW - 4}"><title>${`${no}. ${what}`}</title></rect>
<text class="label" x="${left ? x : x + width}%" y="${y + 10}" dx="${left ? -4 : 4}" text-anchor="${left ? 'end' : 'start'}">${no}</text>
`
}

/** A mark for each change; those that lie on one another are one to look at, and each in the table. */
function marks(changes: readonly Changed[], across: (at: number) => number, top: number): Markup {
  const seen = new Set<string>()
  const lines = changes.flatMap(({ at, what, version }) => {
    const x = across(at)
    const key = `${what} ${Math.round(x * 4)}`
    if (seen.has(key)) return []
    seen.add(key)
    const deep = what === 'release'
    return [
      html`<line class="${what}" x1="${x}%" x2="${x}%" y1="${deep ? 0 : top}" y2="${top + ROW}"><title>${`${what} ${version}, ${timeText(at)}`}</title></line>
`,
    ]
  })
  if (lines.length === 0) return html``
  return html`<text class="label" x="0" y="${top - 4}">changes</text>
${lines}`
}

function ticks(start: number, spanMs: number, y: number): Markup {
  const parts = [0, 0.25, 0.5, 0.75, 1]
  const day = spanMs > 36 * 3_600_000
  return html`${parts.map((part) => {
    const text = timeText(start + part * spanMs)
    const anchor = part === 0 ? 'start' : part === 1 ? 'end' : 'middle'
    return html`<text class="label" x="${part * 100}%" y="${y}" text-anchor="${anchor}">${day ? text.slice(5, 10) : text.slice(11, 16)}</text>`
  })}`
}

/** A row of small bars, of one height for the highest. */
export function spark(values: readonly number[]): Markup {
  const most = Math.max(1, ...values)
  return html`<svg class="spark" width="96" height="16" viewBox="0 0 ${values.length} 16" preserveAspectRatio="none" aria-hidden="true">${values.map(
    (value, index) =>
      value === 0
        ? undefined
        : html`<rect x="${index}" y="${number(16 - (value / most) * 16)}" width="0.8" height="${number((value / most) * 16)}"/>`,
  )}</svg>`
}
