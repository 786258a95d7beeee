import { isUtf8 } from 'node:buffer'
import { constants } from 'node:fs'
import { type FileHandle, open, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { pipeline, type Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { createGunzip } from 'node:zlib'

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
const LARGE_CHUNK_BYTES = 256 * 1024
/** What a file of gzip begins with. */
const GZIP = [0x1f, 0x8b] as const

/**
 * Reads a text that a person named. Only a regular file is read, and no more of it than `bytesMax`: a pipe would wait for ever,
 * a device never end. Nothing is thrown.
 */
export async function readTextFile(file: string, bytesMax: number): Promise<ReadFile> {
  const opened = await openRegular(file)
  if ('kind' in opened) return opened
  try {
    return textOf(await firstBytes(opened, bytesMax + 1), bytesMax)
  } catch (error) {
    return unreadable(whyOf(error))
  } finally {
    await opened.close()
  }
}

/**
 * Opens a file of any size, to be read in pieces; one that is compressed by gzip is told by its first bytes, and unpacked.
 * Only a regular file is read. What fails later, as a file that was cut off, is an error of the stream.
 */
export async function openLargeFile(file: string): Promise<Readable | Exclude<ReadFile, { kind: 'text' }>> {
  const opened = await openRegular(file)
  if ('kind' in opened) return opened
  const { buffer, bytesRead } = await opened.read(Buffer.alloc(2), 0, 2, 0)
  const stream = opened.createReadStream({ start: 0, highWaterMark: LARGE_CHUNK_BYTES })
  if (bytesRead < 2 || GZIP.some((byte, index) => buffer[index] !== byte)) return stream
  // What fails in the file fails the one that is read.
  return pipeline(stream, createGunzip(), () => {})
}

/** More of a line than this is not waited for. */
const UNFINISHED_MAX = 1_048_576

/** A file that grows, is cut, or is replaced by another of its name, as logs are. */
export interface GrowingFile {
  /** The whole lines that came since the last time; none while there is no such file. */
  read(): Promise<readonly string[]>
  close(): Promise<void>
}

/** Opens a file at its end. Only a regular file is read. */
export async function openGrowingFile(file: string): Promise<GrowingFile | Exclude<ReadFile, { kind: 'text' }>> {
  const opened = await openRegular(file)
  if ('kind' in opened) return opened
  let handle = opened
  let offset = (await handle.stat()).size
  let decoder = new StringDecoder('utf8')
  let rest = ''

  async function readOn(): Promise<string> {
    let text = ''
    for (;;) {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, offset)
      if (bytesRead === 0) return text
      offset += bytesRead
      text += decoder.write(buffer.subarray(0, bytesRead))
    }
  }

  /** Goes on with what now has the name; what has no end in the old one is a line of its own. */
  async function follow(): Promise<string> {
    const [own, named] = [await handle.stat(), await stat(file).catch(() => undefined)]
    if (named === undefined || (named.ino === own.ino && own.size >= offset)) return ''
    const next = named.ino === own.ino ? handle : await openRegular(file)
    if ('kind' in next) return ''
    if (next !== handle) await handle.close()
    handle = next
    offset = 0
    decoder = new StringDecoder('utf8')
    return `\n${await readOn()}`
  }

  return {
    async read() {
      const lines = (rest + (await readOn()) + (await follow())).split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > UNFINISHED_MAX) rest = ''
      return lines.filter((line) => line !== '')
    },
    close: () => handle.close(),
  }
}

/**
 * Writes a file that is not there yet, whole or not at all: what a full disk leaves of it is taken away again.
 * @throws what the system says: `EEXIST` if there is one of this name, which stays as it is
 */
export async function writeNewFile(file: string, text: string | AsyncIterable<string>, mode = 0o666): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx', mode })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') await rm(file, { force: true })
    throw error
  }
}

/**
 * Replaces a file as a whole, or makes it: a reader finds the old one or the new one, also on a full disk or if this is broken
 * off. A link stays one, and a file that is there keeps its mode.
 * @throws what the system says; then the old file is as it was
 */
export async function replaceFile(file: string, text: string | AsyncIterable<string>, mode = 0o666): Promise<void> {
  const target = await realpath(file).catch(() => file)
  const old = await stat(target).catch(() => undefined)
  const draft = `${target}.${process.pid}.new`
  try {
    await writeFile(draft, text, { mode: old?.mode ?? mode })
    await rename(draft, target)
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined)
    throw error
  }
}

async function openRegular(file: string): Promise<FileHandle | Exclude<ReadFile, { kind: 'text' }>> {
  let handle: FileHandle | undefined
  try {
    // A pipe without a writer is not waited for, and a terminal does not become the process's own.
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
    const found = await handle.stat()
    if (found.isFile()) return handle
    await handle.close()
    return unreadable(found.isDirectory() ? 'cannot be read: it is a folder' : NOT_REGULAR)
  } catch (error) {
    const why = whyOf(error)
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? { kind: 'absent', why } : unreadable(why)
  }
}

function whyOf(error: unknown): string {
  const { code = 'unknown' } = error as NodeJS.ErrnoException
  return whys[code] ?? `cannot be read (${code})`
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
