import { access, writeFile } from 'node:fs/promises'
import { WrongUsage } from '../../terminal/failure.js'

/** @throws WrongUsage where there is such a file: what somebody wrote is never written over */
export async function assertNoFile(path: string): Promise<void> {
  const exists = await access(path).then(
    () => true,
    () => false,
  )
  if (exists) throw thereAlready(path)
}

/**
 * Writes a file that must not be there yet.
 * @throws WrongUsage where it is, or cannot be written
 */
export async function writeNewFile(path: string, text: string): Promise<void> {
  await writeFile(path, text, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EEXIST' ? thereAlready(path) : new WrongUsage(`${path} cannot be written (${error.code})`)
  })
}

function thereAlready(path: string): WrongUsage {
  return new WrongUsage(`${path} exists already: move it away, or choose another name`)
}
