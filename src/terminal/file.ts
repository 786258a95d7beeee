import { isUtf8 } from 'node:buffer'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

/** What a file holds, or why it cannot be read; completes "<file> …". */
export type ReadFile =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'absent'; readonly why: string }
  | { readonly kind: 'unreadable'; readonly why: string }

const NOT_REGULAR = 'cannot be read: it is no regular file'
const whys: Readonly<Record<string, string>> = {
  ELOOP: 'cannot be read: it is a symbolic link that leads to itself',
  // What the open of a socket says.
  ENXIO: NOT_REGULAR,
}
const CHUNK_BYTES = 64 * 1024

/**
 * Reads a text that a person named. Only a regular file is read, and no more of it than `bytesMax`: a pipe would wait for ever,
 * a device never end. Nothing is thrown.
 */
export async function readTextFile(file: string, bytesMax: number): Promise<ReadFile> {
  let handle: FileHandle | undefined
  try {
    // A pipe without a writer is not waited for, and a terminal does not become the process's own.
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
    const found = await handle.stat()
    if (found.isDirectory()) return unreadable('cannot be read: it is a folder')
    if (!found.isFile()) return unreadable(NOT_REGULAR)
    return textOf(await firstBytes(handle, bytesMax + 1), bytesMax)
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException
    const why = whys[code] ?? `cannot be read (${code})`
    return code === 'ENOENT' ? { kind: 'absent', why } : unreadable(why)
  } finally {
    await handle?.close()
  }
}

const unreadable = (why: string) => ({ kind: 'unreadable', why }) as const

function textOf(bytes: Buffer, bytesMax: number): ReadFile {
  if (bytes.length > bytesMax) return unreadable(`must not be larger than ${bytesMax / 1024} KiB`)
  return isUtf8(bytes) ? { kind: 'text', text: bytes.toString() } : unreadable('must be UTF-8 text')
}

/** The size that the system tells is no bound: a file may grow, and those of `/proc` tell none. */
async function firstBytes(handle: FileHandle, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let left = bytesMax
  while (left > 0) {
    const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, left))
    const { bytesRead } = await handle.read(chunk)
    if (bytesRead === 0) break
    chunks.push(chunk.subarray(0, bytesRead))
    left -= bytesRead
  }
  return Buffer.concat(chunks)
}
