/**
 * Runs the test files that FILES names one after another in one process, each a test of its own name:
 *
 *     FILES='test/call.test.ts test/cli.test.ts' node dist/test/group.mjs
 *
 * A process of its own a file would load the SDK and warm up the same code some eighty times: half of all time. What a file may
 * change of the process is put back, and a file that leaves something open fails.
 */
import { resolve } from 'node:path'
import tap from 'tap'
import { setRoot } from './root.js'

/** How long what is closing may take once a file's tests are done; only what stays open comes near it. */
const CLOSE_MS = 15_000
const EVENTS = [
  'exit',
  'beforeExit',
  'warning',
  'uncaughtException',
  'unhandledRejection',
  'SIGINT',
  'SIGTERM',
] as const

type Listener = (...args: unknown[]) => void

/** @returns what puts the environment, the folder, the listeners and the exit code of this process back as they are now */
function keepProcess(): () => void {
  const env = { ...process.env }
  const cwd = process.cwd()
  const { exitCode } = process
  const listeners = EVENTS.map((event) => ({ event, before: process.rawListeners(event) }))
  return () => {
    for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name]
    Object.assign(process.env, env)
    process.chdir(cwd)
    process.exitCode = exitCode
    for (const { event, before } of listeners)
      for (const listener of process.rawListeners(event))
        if (!before.includes(listener)) process.removeListener(event, listener as Listener)
  }
}

/** What keeps this process alive, as counts by kind: servers, sockets, children. Timers are left out, as tap has its own. */
function countOpen(): Map<string, number> {
  const counts = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo())
    if (kind !== 'Timeout' && kind !== 'Immediate') counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return counts
}

function findLeft(before: ReadonlyMap<string, number>): string[] {
  return [...countOpen()]
    .filter(([kind, count]) => count > (before.get(kind) ?? 0))
    .map(([kind, count]) => `${count - (before.get(kind) ?? 0)} ${kind}`)
}

/** @returns what a file left open that was not open before it, nothing as soon as all is closed */
async function waitUntilClosed(before: ReadonlyMap<string, number>): Promise<string[]> {
  for (const until = Date.now() + CLOSE_MS; Date.now() < until; ) {
    if (findLeft(before).length === 0) break
    await new Promise((done) => setTimeout(done, 10))
  }
  return findLeft(before)
}

tap.setTimeout(0)
// Not as arguments: tap would make them part of the name of every folder that a test gets.
for (const file of process.env.FILES?.split(' ') ?? []) {
  let open = new Map<string, number>()
  let putBack = () => {}
  void tap.test(file, { timeout: Number(process.env.FILE_TIMEOUT_S ?? 300) * 1_000 }, async (t) => {
    open = countOpen()
    putBack = keepProcess()
    setRoot(t as unknown as typeof tap)
    await import(resolve('dist', file.replace(/\.ts$/, '.mjs')))
  })
  void tap.test(`${file} leaves nothing open`, async (t) => {
    putBack()
    t.strictSame(await waitUntilClosed(open), [])
  })
}
tap.end()
tap.teardown(() => {
  // What was left open, and told above, must not hold the process as well.
  setTimeout(() => process.exit(), CLOSE_MS).unref()
  // Of connections that were reset, Node 20 may wait for one for ever when it ends, and use a processor for that: with nothing
  // left to do it is over. Added last, since the listeners after it are not called.
  process.on('exit', (code) => process.exit(code))
})
