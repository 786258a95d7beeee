import { mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'
import { NotPossible } from '../../terminal/failure.js'
import { readTextFile, replaceFile } from '../../terminal/file.js'

/** What the doctor found last time, by table and user pool. No secret and no credential is ever in a finding. */
const DoctorState = Type.Object({
  version: Type.Literal(1),
  tables: Type.Record(
    Type.String(),
    Type.Record(
      Type.String(),
      Type.Object({
        tenantId: Type.String(),
        /** Its status then; files of the first versions have none, and hold active tenants mostly. */
        status: Type.Optional(Type.String()),
        /** ISO time. */
        checkedAt: Type.String(),
        /** When it was first examined; files of earlier versions do not say. */
        firstAt: Type.Optional(Type.String()),
        findings: Type.Record(
          Type.String(),
          Type.Object({
            state: Type.String(),
            what: Type.String(),
            /** Since when it has this state. */
            since: Type.Optional(Type.String()),
            /** What it said before, the newest first, and until when. */
            past: Type.Optional(
              Type.Array(Type.Object({ until: Type.String(), state: Type.String(), what: Type.String() })),
            ),
          }),
        ),
      }),
    ),
  ),
  /** When a run that was given a name took place, by table. */
  names: Type.Optional(Type.Record(Type.String(), Type.Record(Type.String(), Type.String()))),
})
export type DoctorState = Static<typeof DoctorState>

/** Some 4 KB a tenant, for many times the pools that a region is made for. */
const STATE_BYTES_MAX = 256 * 1024 * 1024

const EMPTY: DoctorState = { version: 1, tables: {} }

/** Where programs keep what they may lose (XDG base directories). */
export function defaultStateFile({ XDG_STATE_HOME, HOME }: Readonly<Record<string, string | undefined>>): string {
  return join(XDG_STATE_HOME || join(HOME || homedir(), '.local', 'state'), 'corbado-gateway', 'doctor.json')
}

/**
 * Reads what was found last time; nothing if there is no such file.
 * @throws NotPossible if it is a file of something else, which must not be written over
 */
export async function readDoctorState(file: string): Promise<DoctorState> {
  const read = await readTextFile(file, STATE_BYTES_MAX)
  if (read.kind === 'absent') return EMPTY
  if (read.kind === 'unreadable') throw new NotPossible(`${file} ${read.why}: name another one with --state`)
  try {
    const value: unknown = JSON.parse(read.text)
    if (Check(DoctorState, value)) return value
  } catch {
    // Told below, like JSON of another kind.
  }
  throw new NotPossible(`${file} is not what the doctor wrote: move it away, or name another one with --state`)
}

/**
 * Replaces the file as a whole: a reader finds the old one or the new one, also if this is broken off.
 * @throws NotPossible if it cannot be written
 */
export async function writeDoctorState(file: string, state: DoctorState): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true })
    await replaceFile(file, `${JSON.stringify(state)}\n`, 0o600)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new NotPossible(`${file} cannot be written (${code}): name another one with --state`)
  }
}
