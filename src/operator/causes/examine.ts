import { NotPossible } from '../../terminal/failure.js'
import type { Line } from '../lines/line.js'
import { createSelect, type Interval } from '../lines/select.js'
import type { LineSource } from '../lines/source.js'
import { createBrokenFold } from './broken.js'
import { type Diagnosis, diagnose } from './diagnose.js'
import { createEvidence, type Evidence } from './evidence.js'
import type { Finding } from './find.js'
import { createFold, type Fold, foldLine, joinPools } from './fold.js'

/** What is compared minute by minute: five weeks of them. */
const DAYS_MAX = 35
const DAY_MS = 86_400_000

/** Lines as they were read: folded, with the tenant's id of every pool that was seen. */
export interface Examined {
  readonly fold: Fold
  readonly names: ReadonlyMap<string, string>
}

/**
 * Reads and folds the lines of a time, with what Lambda says of invocations that broke.
 * @param also takes each of them, if something else is counted on the way
 * @throws NotPossible if they are of more days than can be compared
 */
export async function foldSource(
  source: LineSource,
  interval: Interval,
  also: (line: Line) => void = () => undefined,
): Promise<Examined> {
  const fold = createFold()
  const isAsked = createSelect({}, interval)
  const broken = createBrokenFold(fold)
  let lastAt: number | undefined
  await source.each(
    (line) => {
      lastAt = line.at
      if (!isAsked(line)) return
      foldLine(fold, line)
      also(line)
    },
    undefined,
    undefined,
    (line) => {
      const at = line.at ?? lastAt
      if (at !== undefined && at >= interval.from && at < interval.to) broken.take(line, at)
    },
  )
  joinPools(fold)
  assertComparable(fold)
  return { fold, names: fold.pools }
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
  pools: ReadonlyMap<string, string>,
): Promise<Evidence[]> {
  const evidence = findings.map((finding) => createEvidence(finding, pools))
  const everywhere = findings.some((finding) => finding.everywhere)
  const tenants = new Set(findings.flatMap(({ tenants }) => tenants))
  const names = [...tenants, ...[...pools].flatMap(([pool, tenant]) => (tenants.has(tenant) ? [pool] : []))]
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
  const evidence = await lookAgain(source, findings, isAsked, fold.pools)
  return findings.flatMap((finding, index) => {
    const seen = evidence[index]
    return seen === undefined ? [] : [diagnose(fold, finding, seen)]
  })
}
