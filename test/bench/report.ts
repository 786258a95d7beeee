/** One measured claim: a figure of ours, the reference of the same run, and the ratio that the claim is about. */
export interface Row {
  readonly name: string
  readonly unit: string
  readonly ours: number
  readonly reference: number
  readonly referenceName: string
  readonly ratio: number
  /** The claim: the ratio stays at or below `most`, or at or above `least`; a row with neither is there to compare. */
  readonly most?: number
  readonly least?: number
}

/** A smoke run shows that every measurement still runs; its figures mean nothing. */
export const isSmoke = process.argv.includes('--smoke')
/** How often something is done: usually, and in a smoke run. */
export const times = (usual: number, smoke = 1): number => (isSmoke ? smoke : usual)

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** The median of the ratios of pairs: what a drift of the machine's speed changes least. */
export function medianRatio(ours: readonly number[], reference: readonly number[]): number {
  return median(ours.map((value, i) => value / (reference[i] ?? Number.NaN)))
}

const figure = (value: number, unit: string) => `${value.toLocaleString('en-US', { maximumFractionDigits: 1 })} ${unit}`

/** Rows as a table. */
export function toTable(rows: readonly Row[]): string {
  const lines = rows.map(({ name, unit, ours, reference, referenceName, ratio, most, least }) => {
    const claim = most !== undefined ? `≤ ${most}` : least !== undefined ? `≥ ${least}` : ''
    const holds = ratio <= (most ?? Number.POSITIVE_INFINITY) && ratio >= (least ?? Number.NEGATIVE_INFINITY)
    const shown = holds ? ratio.toFixed(2) : `**${ratio.toFixed(2)}**`
    return `| ${name} | ${figure(ours, unit)} | ${figure(reference, unit)}: ${referenceName} | ${shown} | ${claim} |`
  })
  return ['| what | ours | reference | ratio | reach |', '|---|---|---|---|---|', ...lines].join('\n')
}

/** A row for people. The verdict informs; a benchmark never fails a build, since machines are noisy. */
export function toText({ name, unit, ours, reference, referenceName, ratio, most, least }: Row): string {
  const claim = most !== undefined ? `claimed ≤ ${most}` : least !== undefined ? `claimed ≥ ${least}` : 'to compare'
  const holds = ratio <= (most ?? Number.POSITIVE_INFINITY) && ratio >= (least ?? Number.NEGATIVE_INFINITY)
  return [
    name,
    `  ours       ${figure(ours, unit)}`,
    `  reference  ${figure(reference, unit)}  (${referenceName})`,
    `  ratio      ${ratio.toFixed(2)}  ${claim}${claim === 'to compare' ? '' : holds ? '  holds' : '  DOES NOT HOLD'}`,
  ].join('\n')
}
