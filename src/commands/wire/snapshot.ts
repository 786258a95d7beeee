import { rm } from 'node:fs/promises'
import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'
import { type Fields, fieldsOf } from '../../fields.js'
import type { UserPoolId } from '../../ids.js'
import { isSlot, slotArn } from '../../operator/pool/triggers.js'
import { NotPossible, WrongUsage } from '../../terminal/failure.js'
import { readTextFile, writeNewFile } from '../../terminal/file.js'
import type { SlotChange } from './changes.js'

/** What `wire undo` reads of a snapshot; the description of the pool beside it is for people. */
const Snapshot = Type.Object({
  userPoolId: Type.String(),
  region: Type.String(),
  changed: Type.Record(
    Type.String(),
    Type.Object({ before: Type.Union([Type.Null(), Type.String()]), after: Type.String() }),
  ),
})

/** The changes that one `wire apply` made, as its snapshot recorded them. */
interface RecordedWiring {
  readonly region: string
  readonly changes: readonly SlotChange[]
}

/** Many times the longest description of a pool. */
const SNAPSHOT_BYTES_MAX = 1024 * 1024

/**
 * Writes what the pool was before, as Cognito answered it, for its owner's eyes only. Replaces nothing.
 * @throws NotPossible if the file exists or cannot be written
 */
export async function writeSnapshot(
  file: string,
  raw: Fields,
  { userPoolId, region, changes }: RecordedWiring & { readonly userPoolId: UserPoolId },
  nowMs: number,
): Promise<void> {
  const changed = Object.fromEntries(changes.map(({ slot, from, to }) => [slot, { before: from ?? null, after: to }]))
  const snapshot = { userPoolId, region, takenAt: new Date(nowMs).toISOString(), changed, userPool: raw }
  try {
    await writeNewFile(file, `${JSON.stringify(snapshot, null, 2)}\n`, 0o600)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw await thereAlready(file, raw, userPoolId)
    throw new NotPossible(
      `the snapshot ${file} cannot be written (${code}); nothing was changed. Name another file with --snapshot.`,
    )
  }
}

/** A snapshot is the way back for as long as the pool has what it was made for; after that it may go. */
async function thereAlready(file: string, raw: Fields, userPoolId: UserPoolId): Promise<NotPossible> {
  const nothing = `the snapshot ${file} is there already; nothing was changed.`
  const old = await readSnapshot(file, userPoolId).catch(() => undefined)
  if (!old) return new NotPossible(`${nothing} Name another file with --snapshot.`)
  const isLeft = old.changes.some(({ slot, to }) => slotArn(fieldsOf(raw.LambdaConfig), slot) === to)
  return new NotPossible(
    isLeft
      ? `${nothing} It is the way back of a change that the pool still has: keep it, and name another file with --snapshot.`
      : `${nothing} The change that it is of was taken back, so it may go: delete it or move it away, then do the same again.`,
  )
}

/** Takes a snapshot away that describes a change which did not happen. */
export async function dropSnapshot(file: string): Promise<void> {
  await rm(file, { force: true })
}

/**
 * Reads the changes of an earlier `wire apply`.
 * @throws WrongUsage if the file is not the snapshot of this pool
 */
export async function readSnapshot(file: string, userPoolId: UserPoolId): Promise<RecordedWiring> {
  const { userPoolId: recorded, region, changed } = parseSnapshot(file, await readText(file))
  if (recorded !== userPoolId)
    throw new WrongUsage(`${file} is the snapshot of user pool ${recorded}, not of ${userPoolId}.`)
  const changes = Object.entries(changed).map(([slot, { before, after }]) => {
    if (!isSlot(slot)) throw notOurs(file)
    return { slot, from: before ?? undefined, to: after }
  })
  return { region, changes }
}

async function readText(file: string): Promise<string> {
  const read = await readTextFile(file, SNAPSHOT_BYTES_MAX)
  if (read.kind !== 'text') throw new WrongUsage(`${file} ${read.why}.`)
  return read.text
}

function parseSnapshot(file: string, text: string): Static<typeof Snapshot> {
  try {
    // An editor may have put a byte order mark before it.
    const value: unknown = JSON.parse(text.replace(/^\ufeff/, ''))
    if (Check(Snapshot, value)) return value
  } catch {
    // Told below, like JSON of another kind.
  }
  throw notOurs(file)
}

function notOurs(file: string): WrongUsage {
  return new WrongUsage(`${file} is not a snapshot that wire apply wrote.`)
}
