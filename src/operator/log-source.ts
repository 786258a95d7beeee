import { Option } from 'commander'
import { NotPossible } from '../terminal/failure.js'
import { keepHeapSmall } from '../terminal/heap.js'
import { type CommandIo, type Input, writeNote } from '../terminal/io.js'
import type { OperatorUpstreams } from '../upstreams/operator.js'
import { type CloudWatchSource, createCloudWatchSource } from './lines/cloudwatch.js'
import type { Interval } from './lines/select.js'
import { filesOf, type LineSource, withLines } from './lines/source.js'
import { logGroupsOf, readOperatorSettings } from './settings.js'
import { operatorCall, withUpstreams } from './upstreams.js'

/** The flag that names log groups; given several times, they are read together. */
export const logGroupFlag = () =>
  new Option('--log-group <name>', "read this log group of CloudWatch; the stack's own if left out").argParser(
    (name: string, before: readonly string[] = []) => [...before, name],
  )

/** Where a command is to find lines. */
export interface Wanted {
  readonly files: readonly string[]
  /** Log groups that were named. */
  readonly logGroup?: readonly string[]
  /** The lines are read more than once. */
  readonly again?: boolean
}

/** Lines of files, or lines of CloudWatch, which can be asked more. */
export type Opened =
  | { readonly kind: 'files'; readonly files: readonly string[]; readonly source: LineSource }
  | {
      readonly kind: 'cloudwatch'
      readonly groups: readonly string[]
      readonly source: CloudWatchSource
      readonly upstreams: OperatorUpstreams
    }

/**
 * Opens the lines that a command is about: of the files that it was given, or of what is piped in; else those of CloudWatch, in
 * the log groups that were named, or that the settings name.
 * @throws NotPossible if there is nothing to read; GW_ERR_ENV_INVALID for a wrong setting
 */
export async function withLogSource<T>(
  io: CommandIo,
  { files: given, logGroup, again = false }: Wanted,
  work: (opened: Opened) => Promise<T>,
): Promise<T> {
  const files = logGroup === undefined ? filesOf(given, io) : given
  if (logGroup !== undefined && files.length > 0)
    throw new NotPossible('lines are read either from files or from --log-group: name one of the two')
  if (given.length === 0 && files.length > 0 && (await isEmptyInput(io)))
    throw new NotPossible(`nothing was piped in; ${cloudWatchHint(io)}`)
  if (files.length > 0) {
    keepHeapSmall()
    return await withLines(files, io.stdin, again, (source) => work({ kind: 'files', files, source }))
  }
  if (logGroup === undefined && !io.env.AWS_REGION)
    throw new NotPossible(
      'no lines to read: name files of log lines, plain or gzip, or pipe them in; or set AWS_REGION and TENANT_TABLE, and the lines are those of CloudWatch',
    )
  return await withUpstreams(io, async (upstreams) => {
    const groups = logGroup ?? groupsOf(io.env)
    const logs = await upstreams.openLogs()
    const source = createCloudWatchSource({ logs, groups, clock: io.clock, call: () => operatorCall() })
    return await work({ kind: 'cloudwatch', groups, source, upstreams })
  })
}

const cloudWatchHint = ({ env }: CommandIo) =>
  `for CloudWatch name the log group, on a terminal or not: --log-group ${groupsOf(env).join(' --log-group ')}`

/** How long nothing may come before that is told, in milliseconds. */
const NOTHING_MS = 3_000

/** Waits for what is piped in; whoever did not mean to pipe anything is told what is waited for. */
async function isEmptyInput(io: CommandIo): Promise<boolean> {
  const tell = () => writeNote(io, 'note', `waiting for lines on standard input; ${cloudWatchHint(io)}`)
  const cancel = io.clock.after(NOTHING_MS, tell)
  try {
    return await isEmpty(io.stdin)
  } finally {
    cancel()
  }
}

/** Does an input end before anything came? What came stays in it. */
async function isEmpty(stdin: Input): Promise<boolean> {
  return await new Promise((resolve) => {
    const done = (empty: boolean) => {
      stdin.off('readable', look).off('end', ended).off('error', failed)
      resolve(empty)
    }
    const ended = () => done(true)
    // What cannot be read is told by who reads it.
    const failed = () => done(false)
    function look(): void {
      for (let chunk = stdin.read(); chunk !== null; chunk = stdin.read()) {
        if (chunk.length === 0) continue
        stdin.unshift(chunk)
        done(false)
        return
      }
    }
    stdin.on('readable', look).on('end', ended).on('error', failed)
  })
}

/** Lines between two times: a log group has no first and no last one. */
export function linesWithin({ kind, source }: Opened, interval: Interval): LineSource {
  if (kind === 'files') return source
  return {
    counts: source.counts,
    notes: source.notes,
    each: (take, isWanted, asked, takeLambda) => source.each(take, isWanted, { interval, ...asked }, takeLambda),
  }
}

const groupsOf = (env: CommandIo['env']) => logGroupsOf(readOperatorSettings(env))

/** Says what was not read, or is not whole: then the command has not done all that it was asked. */
export function tellNotes(io: CommandIo, { notes }: Pick<LineSource, 'notes'>): void {
  if (notes.size === 0) return
  for (const note of notes) writeNote(io, 'warning', note)
  io.foundProblems()
}
