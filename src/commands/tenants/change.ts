import type { Command } from 'commander'
import { writeAnswer } from '../../operator/answers/write.js'
import { editTenantFile, type FileEdit, fileEditLines } from '../../operator/files/edit.js'
import { type PlanPlace, placeText } from '../../operator/place.js'
import { changesJson, changesOf, changeText } from '../../operator/records/changes.js'
import { inTableText } from '../../operator/records/past.js'
import { tenantIdOf } from '../../operator/records/record.js'
import { conflictText, type RecordWritten, userName, writeRecord } from '../../operator/records/write.js'
import { TENANTS_DIR } from '../../operator/unapplied.js'
import type { TenantFile } from '../../tenant/config.js'
import { mayWrite } from '../../terminal/ask.js'
import { inLine } from '../../terminal/clean.js'
import { type CommandIo, createPaint, writeNote } from '../../terminal/io.js'
import { shellWord, textAt } from '../../terminal/text.js'
import type { OperatorUpstreams, TenantRecord } from '../../upstreams/operator.js'

/** The options of every command that changes one tenant's record. */
export interface ChangeOptions {
  readonly dir: string
  readonly by?: string
  readonly yes?: true
  readonly json?: true
}

const CHANGE_JSON =
  'print { kind: "tenant-change", tenantId, userPoolId, written, changes, place?, was?, findings?, now?, file? }'

/** Adds the options of a command that changes a tenant's record, and its file with it. */
export function addChangeOptions(command: Command, json = CHANGE_JSON): Command {
  return command
    .option('--dir <folder>', 'folder of the tenant files; the file of this tenant is changed too', TENANTS_DIR)
    .option('--by <name>', 'who does it, as the record says (default: your user name)')
    .option('--json', json)
}

/** The options that a printed command must repeat to do the same. */
export function wordsOf({ dir, by }: ChangeOptions): string {
  const words = [...(dir === TENANTS_DIR ? [] : ['--dir', dir]), ...(by ? ['--by', by] : [])]
  return words.map((word) => ` ${shellWord(word)}`).join('')
}

/** One tenant's record and what is to replace it. */
interface TenantChange {
  readonly record: TenantRecord
  readonly before: TenantFile
  readonly after: TenantFile
  /** The command line that does it. */
  readonly command: string
  /** Is it shown first, and written after a yes? */
  readonly asks: boolean
  /** Table, region, account and role that it speaks to. */
  readonly place: PlanPlace
  /** Was that said already? */
  readonly headed?: boolean
  /** Fields that the file is to have as the record has them, also if these did not change. */
  readonly always?: readonly (keyof TenantFile)[]
  /** The command line that, given once more, does no more than that. */
  readonly again?: string | undefined
  /** What else `--json` says. */
  readonly also?: object
}

/**
 * Shows what changes in a tenant's config and, with a yes if it needs one, writes it as a new version and makes the same
 * change in the tenant's file.
 */
export async function changeTenant(
  change: TenantChange,
  options: ChangeOptions,
  { table }: Pick<OperatorUpstreams, 'table'>,
  io: CommandIo,
): Promise<void> {
  const { record, before, after, command, asks, always = [] } = change
  if (!options.json) showChange(change, io)
  const unchanged = changesOf(before, after).length === 0
  if (!unchanged && asks && !(await mayWrite(options, `${command}${wordsOf(options)} --yes`, io))) {
    if (options.json) writeAnswer(io, 'tenant-change', { ...changeJson(change), written: false })
    return
  }
  const { userPoolId } = record
  const written: RecordWritten = unchanged
    ? { kind: 'written', record }
    : await writeRecord(
        { userPoolId, config: after, old: record },
        { table, clock: io.clock, updatedBy: options.by || userName() },
      )
  const file = written.kind === 'written' ? await editTenantFile(options.dir, { before, after, always }) : undefined
  reportWritten(change, written, file, options, io)
}

function showChange({ record, before, after, place, headed = false }: TenantChange, io: CommandIo): void {
  const paint = createPaint(io.stdout, io.env)
  const changes = changesOf(before, after)
  const name = `${tenantIdOf(record)} (${record.userPoolId}), in the table ${inTableText(record, io.clock.now())}`
  const lines = changes.map((change) => `  ${changeText(change, paint)}\n`)
  const head = textAt(2, `${name}${changes.length === 0 ? ': nothing to change' : ''}`, io.stdout)
  io.stdout.write(`${headed ? '' : placeText(place)}${head}\n${lines.join('')}`)
}

function reportWritten(
  change: TenantChange,
  written: RecordWritten,
  file: FileEdit | undefined,
  { json }: ChangeOptions,
  io: CommandIo,
): void {
  const { record, before, after } = change
  const changed = changesOf(before, after).length > 0
  if (written.kind === 'conflict' || file?.state === 'left-alone') io.foundProblems()
  if (json) {
    const { version, updatedAt, updatedBy } = (written.kind === 'written' ? written.record : written.now) ?? {}
    const now = { version, updatedAt, updatedBy }
    writeAnswer(io, 'tenant-change', {
      ...changeJson(change),
      written: changed && written.kind === 'written',
      now,
      file,
    })
  } else if (written.kind === 'conflict') {
    writeNote(io, 'error', conflictText(tenantIdOf(record), written.now))
  } else {
    const version = changed ? [`version ${written.record.version} written by ${inLine(written.record.updatedBy)}`] : []
    const lines = [...version, ...(file && file.state !== 'absent' ? fileEditLines(file) : [])]
    io.stdout.write(lines.map((line) => `${line}\n`).join(''))
    if (file?.state === 'absent') writeNote(io, 'note', absentText(file.file, change))
  }
}

/** The table has the change and no file does: whoever applies the file later must not be surprised. */
function absentText(file: string, { again, before, after }: TenantChange): string {
  const name = inLine(file)
  if (again !== undefined) {
    return `${name} is not there, so the table alone has this. In the folder that has the file, the same changes it too: ${again}`
  }
  const fields = changesOf(before, after).map(({ field }) => field)
  const what = fields.length === 0 ? '' : ` (${fields.join(', ')})`
  return `${name} is not there, so the table alone has this: change the file where it is likewise${what}`
}

function changeJson({ record, before, after, place, also }: TenantChange) {
  const { userPoolId, version, updatedAt, updatedBy } = record
  return {
    tenantId: tenantIdOf(record),
    userPoolId,
    changes: changesJson(changesOf(before, after)),
    place,
    was: { version, updatedAt, updatedBy },
    ...also,
  }
}
