import { type Came, followCloudWatch, followFiles } from '../../operator/lines/follow.js'
import { type Line, parseLine } from '../../operator/lines/line.js'
import type { Where } from '../../operator/lines/where.js'
import type { Opened } from '../../operator/log-source.js'
import { operatorCall } from '../../operator/upstreams.js'
import { NotPossible } from '../../terminal/failure.js'
import { type GrowingFile, openGrowingFile } from '../../terminal/file.js'
import { type CommandIo, createPaint, writeNote } from '../../terminal/io.js'
import { lineText } from './text.js'

/** What of the lines that come is shown, and how. */
export interface Following {
  /** Gives the lines that are now known to be asked for. */
  readonly take: (line: Line) => readonly Line[]
  readonly where: Where
  /** CloudWatch is asked for lines of this time on; in milliseconds since 1970. */
  readonly from: number
  readonly until: number
  readonly json: boolean
}

/** Shows lines as they come, until `--until`, or until somebody stops it. */
export async function followLines(io: CommandIo, opened: Opened, following: Following): Promise<void> {
  const show = createShow(io, following)
  if (opened.kind === 'files' && opened.files.includes('-')) {
    if (opened.files.length > 1) throw new NotPossible('standard input is followed alone')
    await opened.source.each((line, text) => show(line, text))
    return
  }
  if (opened.kind === 'files') {
    const files = await openAll(opened.files)
    try {
      await showAll(io, followFiles(files, io.clock), following, show)
    } finally {
      for (const file of files) await file.close()
    }
    return
  }
  const logs = await opened.upstreams.openLogs()
  const options = { logs, groups: opened.groups, clock: io.clock, call: () => operatorCall() }
  await showAll(io, followCloudWatch(options, following.where, following.from), following, show)
}

async function openAll(names: readonly string[]): Promise<GrowingFile[]> {
  const files: GrowingFile[] = []
  for (const name of names) {
    const file = await openGrowingFile(name)
    if ('kind' in file) throw new NotPossible(`${name} ${file.why}`)
    files.push(file)
  }
  return files
}

async function showAll(
  io: CommandIo,
  coming: AsyncGenerator<Came>,
  { until }: Following,
  show: (line: Line, text: string) => void,
): Promise<void> {
  let told: string | undefined
  for await (const { texts, note } of coming) {
    for (const text of texts) {
      const line = parseLine(text)
      if (line?.kind === 'line') show(line, text)
    }
    // Once, and again if it went well meanwhile.
    if (note !== undefined && note !== told) writeNote(io, 'note', note)
    told = note
    if (io.clock.now() >= until) return
  }
}

function createShow(io: CommandIo, { take, json }: Following): (line: Line, text: string) => void {
  const paint = createPaint(io.stdout, io.env)
  return (line) => {
    for (const one of take(line))
      io.stdout.write(`${json ? JSON.stringify(one.fields) : lineText(one, paint, io.stdout)}\n`)
  }
}
