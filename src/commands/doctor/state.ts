import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'
import { NotPossible } from '../../terminal/failure.js'

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
        findings: Type.Record(Type.String(), Type.Object({ state: Type.String(), what: Type.String() })),
      }),
    ),
  ),
})
export type DoctorState = Static<typeof DoctorState>

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
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'))
    if (Check(DoctorState, value)) return value
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return EMPTY
    if (code !== undefined) throw new NotPossible(`${file} cannot be read (${code}): name another one with --state`)
  }
  throw new NotPossible(`${file} is not what the doctor wrote: move it away, or name another one with --state`)
}

/**
 * Replaces the file as a whole: a reader finds the old one or the new one, also if this is broken off.
 * @throws NotPossible if it cannot be written
 */
export async function writeDoctorState(file: string, state: DoctorState): Promise<void> {
  const draft = `${file}.${process.pid}.new`
  try {
    await mkdir(dirname(file), { recursive: true })
    await writeFile(draft, `${JSON.stringify(state)}\n`, { mode: 0o600 })
    await rename(draft, file)
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined)
    const { code } = error as NodeJS.ErrnoException
    throw new NotPossible(`${file} cannot be written (${code}): name another one with --state`)
  }
}
