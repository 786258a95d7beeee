/**
 * Runs the tests again and again, the second half of the runs beside two busy processes, and prints a row for each run.
 * Ends with 1 if any failed; the output of each such run stays in dist/stability.
 *
 *     npm run test:stability                        20 runs of `npm test`
 *     npm run test:stability -- --long --runs 5     5 of `npm run test:long`
 *     npm run test:stability -- test/docs.test.ts   20 runs of one file
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { heading, type Run, readResults, rowOf, summaryOf } from './results.js'

const BUSY = 2
const OUTPUT = 'dist/stability'
/** Never idle, and gone with the process that started it, however that ends. */
const spin = `const parent = process.ppid
setInterval(() => {
  for (const until = Date.now() + 100; Date.now() < until; );
  if (process.ppid !== parent) process.exit()
})`

const { values, positionals: files } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '20' }, long: { type: 'boolean' } },
})
const count = Number(values.runs)
const children = new Set<ChildProcess>()

/** Starts a process in a group of its own, so that all of it can be ended. */
function start(args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  children.add(child)
  child.on('close', () => children.delete(child))
  return child
}

function end(child: ChildProcess): void {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
    process.kill(-child.pid, 'SIGKILL')
}

async function runOnce(run: number, beside: number): Promise<Run> {
  const busy = Array.from({ length: beside }, () => start(['-e', spin]))
  const startedAt = performance.now()
  // The first bundles the tests.
  const words = ['--reporter=tap', ...(values.long ? ['--long'] : []), ...(run > 1 ? ['--bundled'] : []), ...files]
  const tests = start(['test/run.mjs', ...words])
  let tap = ''
  tests.stdout?.setEncoding('utf8').on('data', (chunk) => (tap += chunk))
  const [code] = (await once(tests, 'close')) as [number | null]
  for (const child of busy) end(child)
  const results = readResults(tap, code)
  if (results.failed > 0) writeFileSync(`${OUTPUT}/${run}.tap`, tap)
  return { run, beside, seconds: (performance.now() - startedAt) / 1_000, ...results }
}

process.on('exit', () => {
  for (const child of children) end(child)
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

rmSync(OUTPUT, { recursive: true, force: true })
mkdirSync(OUTPUT, { recursive: true })
console.log(heading)
const runs: Run[] = []
for (let run = 1; run <= count; run += 1) {
  const done = await runOnce(run, run > count / 2 ? BUSY : 0)
  runs.push(done)
  console.log(rowOf(done))
}
console.log(summaryOf(runs))
if (runs.some(({ failed }) => failed > 0)) process.exitCode = 1
