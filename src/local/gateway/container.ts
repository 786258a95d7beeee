import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { NotPossible } from '../../terminal/failure.js'
import { NO_SDK_NOTICE } from '../aws/variables.js'
import { parseLine } from './log.js'

export interface ContainerOptions {
  /** Path of the compiled `server.ts`. */
  readonly entry: string
  /** The door's variables, PORT among them; of this process's own environment only PATH is passed on. */
  readonly env: Readonly<Record<string, string>>
  /** Each line that it prints on stdout or stderr. */
  onLine(line: string): void
  /** Takes what stops it; called before there is anything to wait for. */
  onClose(close: () => Promise<unknown>): void
}

/** The container door in a process of its own, as in the image. */
export interface Container {
  readonly url: string
}

/** Its port was taken; with `code` and `port` like a listener's own error. */
class PortTaken extends Error {
  readonly code = 'EADDRINUSE'
  constructor(readonly port: number) {
    super(`port ${port} is taken`)
  }
}

/** It needs a second; the rest is for a busy machine. */
const START_MS_MAX = 30_000
/** Between SIGTERM and SIGKILL: a person who stops it does not wait for the ten seconds that requests get. */
const SHUTDOWN_MS = 5_000
const POLL_MS = 20

/**
 * Starts the container door and waits until it is ready to serve.
 * @throws an error with `code` and `port` if its port is taken; NotPossible with what it said last, if it ends for
 *   another reason or does not get ready
 */
export async function startContainer(options: ContainerOptions): Promise<Container> {
  const { entry, env, onLine, onClose } = options
  const child = spawn(process.execPath, ['--enable-source-maps', entry], {
    env: { PATH: process.env.PATH, ...NO_SDK_NOTICE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'close')
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  onClose(async () => {
    process.removeListener('exit', kill)
    child.kill('SIGTERM')
    const timer = setTimeout(kill, SHUTDOWN_MS)
    await ended
    clearTimeout(timer)
  })

  let last = ''
  const listening = new Promise<number>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        last = line
        // Said once more by the caller, who chose the port and knows what to do.
        if (!isPortTaken(line)) onLine(line)
        const { msg, port } = parseLine(line)
        if (msg === 'ready') resolve(Number(port))
      })
    }
  })
  let waiting = true
  const ready = listening.then(async (port) => {
    const url = `http://127.0.0.1:${port}`
    while (waiting && !(await isReady(url))) await sleep(POLL_MS)
    return { url }
  })
  const failed = ended.then(() => {
    throw isPortTaken(last) ? new PortTaken(Number(env.PORT)) : new NotPossible(`the container door ended: ${last}`)
  })
  const late = sleep(START_MS_MAX, undefined, { ref: false }).then(() => {
    throw new NotPossible(`the container door is not ready after ${START_MS_MAX / 1_000} s: ${last}`)
  })
  return Promise.race([ready, failed, late]).finally(() => {
    waiting = false
  })
}

const isPortTaken = (line: string) => line.endsWith('EADDRINUSE')

async function isReady(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/health/ready`).catch(() => undefined)
  await answer?.body?.cancel()
  return answer?.status === 200
}
