import { NotPossible } from '../../terminal/failure.js'
import type { Line } from '../lines/line.js'
import type { Interval } from '../lines/select.js'
import type { LineSource } from '../lines/source.js'
import { type Diagnosis, diagnose } from './diagnose.js'
import { createEvidence, type Evidence } from './evidence.js'
import type { Finding } from './find.js'
import { createFold, type Fold, foldLine } from './fold.js'

/** What is compared minute by minute: five weeks of them. */
const DAYS_MAX = 35
const DAY_MS = 86_400_000

/** Lines as they were read: folded, with the tenant's id of every pool that was seen. */
export interface Examined {
  readonly fold: Fold
  readonly names: ReadonlyMap<string, string>
}

/**
 * Reads and folds the lines that are asked for.
 * @param also takes each of them, if something else is counted on the way
 * @throws NotPossible if they are of more days than can be compared
 */
export async function foldSource(
  source: LineSource,
  isAsked: (line: Line) => boolean,
  also: (line: Line) => void = () => undefined,
): Promise<Examined> {
  const fold = createFold()
  const names = new Map<string, string>()
  await source.each((line) => {
    if (!isAsked(line)) return
    foldLine(fold, line)
    also(line)
    const { userPoolId, tenantId } = line.fields
    if (typeof userPoolId === 'string' && typeof tenantId === 'string') names.set(userPoolId, tenantId)
  })
  assertComparable(fold)
  return { fold, names }
}

/** @throws NotPossible if lines are of more days than can be compared */
export function assertComparable({ first, last, lines }: Fold): void {
  const days = (last - first) / DAY_MS
  if (days <= DAYS_MAX || lines === 0) return
  throw new NotPossible(
    `the lines are of ${Math.round(days)} days, and what is usual changes meanwhile: name at most ${DAYS_MAX} with --since and --until`,
  )
}

/**
 * Up to when all lines were read, for `findCauses`: the end that was asked for, unless it is still to come. Without one, a file
 * may be an old one, and says nothing of the time after its last line.
 */
export const untilOf = ({ to }: Interval, now: number) => (to === Number.POSITIVE_INFINITY ? 0 : Math.min(to, now))

/** Looks a second time at the lines of what was found: which users, clients and releases they are of, in the order of the findings. */
export async function lookAgain(
  source: LineSource,
  findings: readonly Finding[],
  isAsked: (line: Line) => boolean,
): Promise<Evidence[]> {
  const evidence = findings.map(createEvidence)
  const everywhere = findings.some((finding) => finding.everywhere)
  const names = [...new Set(findings.flatMap(({ tenants }) => tenants))]
  await source.each(
    (line) => {
      if (!isAsked(line)) return
      for (const { look } of evidence) look(line)
    },
    everywhere ? undefined : (text) => names.some((name) => text.includes(name)),
  )
  return evidence.map(({ end }) => end())
}

/** What was found, with what a second look at its lines says. */
export async function diagnoseAll(
  source: LineSource,
  fold: Fold,
  findings: readonly Finding[],
  isAsked: (line: Line) => boolean,
): Promise<Diagnosis[]> {
  if (findings.length === 0) return []
  const evidence = await lookAgain(source, findings, isAsked)
  return findings.flatMap((finding, index) => {
    const seen = evidence[index]
    return seen === undefined ? [] : [diagnose(fold, finding, seen)]
  })
}
