import { fstatSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import pino from 'pino'
import type { Clock } from '../../call.js'

/** Where the container's lines go. */
export interface LineOutput {
  write(line: string): void
  /** How many lines were lost so far. */
  readonly lost: number
  /** Resolves when all that was kept is written, or after `ms` milliseconds. */
  flush(ms: number): Promise<void>
}

/** Most bytes kept: some ten thousand lines, what a busy second writes a few times over. */
const KEPT_BYTES_MAX = 8_388_608

/**
 * Opens the process's stdout for lines. If it is a pipe, as under every container runtime, a reader that stalls or goes
 * away costs lines and never keeps a request waiting. A file or a terminal is written synchronously.
 */
export function openStdout(clock: Clock): LineOutput {
  const fd = 1
  const kind = fstatSync(fd)
  if (kind.isFIFO() || kind.isSocket()) return boundedOutput(new Socket({ fd, readable: false, writable: true }), clock)
  const destination = pino.destination({ dest: fd, sync: true })
  return { write: (line) => void destination.write(line), lost: 0, flush: async () => destination.flushSync() }
}

/** Keeps up to `keptBytesMax` bytes that the stream has not taken yet; a line for which there is no room is lost. */
export function boundedOutput(stream: Writable, clock: Clock, keptBytesMax: number = KEPT_BYTES_MAX): LineOutput {
  let lost = 0
  let broken = false
  stream.on('error', () => {
    broken = true
  })
  return {
    write(line) {
      if (broken || stream.writableLength + line.length > keptBytesMax) lost += 1
      else stream.write(line)
    },
    get lost() {
      return lost
    },
    async flush(ms) {
      if (broken || stream.writableLength === 0) return
      await new Promise<void>((resolve) => {
        const cancel = clock.after(ms, resolve)
        const done = () => {
          cancel()
          resolve()
        }
        stream.on('error', done)
        // Called when all before it is written.
        stream.write('', done)
      })
    },
  }
}
