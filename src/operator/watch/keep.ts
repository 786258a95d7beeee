import { rename, rm } from 'node:fs/promises'
import { Check } from 'typebox/value'
import { NotPossible } from '../../terminal/failure.js'
import { readTextFile, writeNewFile } from '../../terminal/file.js'
import { EMPTY, WatchState } from './state.js'

/** A hundred bytes for each tenant of each cause, for many times the pools that a region is made for. */
const BYTES_MAX = 64 * 1024 * 1024

/**
 * Reads what was known after the last look; nothing is known if there is no such file.
 * @throws NotPossible if it is a file of something else, which must not be written over
 */
export async function readWatchState(file: string): Promise<WatchState> {
  const read = await readTextFile(file, BYTES_MAX)
  if (read.kind === 'absent') return EMPTY
  if (read.kind === 'unreadable') throw new NotPossible(`${file} ${read.why}: name another one with --state`)
  try {
    const value: unknown = JSON.parse(read.text)
    if (Check(WatchState, value)) return value
  } catch {
    // Told below, like JSON of another kind.
  }
  throw new NotPossible(`${file} is not what watch wrote: move it away, or name another one with --state`)
}

/**
 * Replaces the file as a whole: a reader finds the old one or the new one, also if this is broken off.
 * @throws NotPossible if it cannot be written
 */
export async function writeWatchState(file: string, state: WatchState): Promise<void> {
  const draft = `${file}.${process.pid}.new`
  try {
    await rm(draft, { force: true })
    await writeNewFile(draft, `${JSON.stringify(state)}\n`, 0o600)
    await rename(draft, file)
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined)
    const { code } = error as NodeJS.ErrnoException
    throw new NotPossible(`${file} cannot be written (${code}): name another one with --state`)
  }
}
