/**
 * Bundles the tests into dist/test and runs them under tap, each file in a process of its own, two at a time.
 *
 *     node test/run.mjs                      every file but the long ones
 *     node test/run.mjs --long               the long ones
 *     node test/run.mjs test/docs.test.ts …  those named
 *
 * `--reporter=NAME` is one of tap's; the default is `base` in a terminal and `tap` elsewhere. `--bundled` takes the bundles
 * that are there, and `--update` has a test write the page that it would compare.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import tap from 'tap'

/** The whole matrix of faults and the long schedules: a quarter of an hour. `npm test` has a sample of both. */
const FIRE = [
  'test/flows/fire/table.test.ts',
  'test/flows/fire/others.test.ts',
  'test/flows/fire/long-schedule.test.ts',
]
/** Minutes each, so not in `npm test`. */
const LONG = [
  'test/flows/many-tenants.test.ts',
  'test/flows/many-files.test.ts',
  'test/flows/leaks.test.ts',
  'test/dockerfile.test.ts',
  'test/package/nodes.test.ts',
  'test/flows/hand-over-aws.test.ts',
  'test/triggers/every-session.test.ts',
  'test/hostile/forged.test.ts',
]
/** Begun first, longest first, so that the last file of a run is a short one. */
const SLOW = [
  'test/commands/local/start.test.ts',
  'test/tenant/rights.test.ts',
  'test/container.test.ts',
  'test/upstreams/connections.test.ts',
  'test/hostile/values.test.ts',
  'test/flows/onboarding.test.ts',
  'test/operator/doctor.test.ts',
  'test/commands/tenants/apply.test.ts',
  'test/flows/clients.test.ts',
  'test/pitfalls.test.ts',
  'test/flows/fire/schedule.test.ts',
  'test/commands/doctor.test.ts',
  'test/commands/tenants/records.test.ts',
  'test/actions/actions.test.ts',
  'test/commands/hostile.test.ts',
  'test/flows/fire/sample.test.ts',
  'test/commands/older-policies.test.ts',
  'test/package/installed.test.ts',
]
/** A file that is not done by then hangs. */
const TIMEOUT_S = { usual: 300, long: 1_200 }
const CHUNKS = 'dist/test/chunks'
const HOUR_MS = 3_600_000

const { values: options, positionals: named } = parseArgs({
  allowPositionals: true,
  options: {
    long: { type: 'boolean' },
    fire: { type: 'boolean' },
    bundled: { type: 'boolean' },
    update: { type: 'boolean' },
    reporter: { type: 'string' },
    jobs: { type: 'string', default: '2' },
  },
})

/** Every test file in the repository, as paths from its root. */
function findTests() {
  return readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts') && !name.includes('node_modules'))
    .map((name) => join('test', name))
}

/** The files of this run, in the order in which they begin. */
function chooseTests(all) {
  if (named.length > 0) return named
  if (options.fire) return FIRE
  if (options.long) return LONG
  const others = [...FIRE, ...LONG]
  const usual = all.filter((file) => !others.includes(file) && !file.startsWith('test/runtime/')).sort()
  return [...SLOW.filter((file) => usual.includes(file)), ...usual.filter((file) => !SLOW.includes(file))]
}

/** Writes one module a test file, and chunks for what they share. What another run may be reading stays as it is. */
async function bundle(entryPoints) {
  const { outputFiles } = await build({
    entryPoints,
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'linked',
    write: false,
    outbase: '.',
    outdir: 'dist',
    outExtension: { '.js': '.mjs' },
    chunkNames: 'test/chunks/[name]-[hash]',
    logLevel: 'warning',
  })
  for (const { path, contents } of outputFiles) {
    if (existsSync(path) && readFileSync(path).equals(contents)) continue
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(`${path}.new`, contents)
    renameSync(`${path}.new`, path)
  }
  const current = new Set(outputFiles.map(({ path }) => path))
  for (const name of readdirSync(CHUNKS)) {
    const chunk = resolve(CHUNKS, name)
    const old = Date.now() - statSync(chunk).mtimeMs > HOUR_MS
    if (old && !current.has(chunk)) rmSync(chunk, { force: true })
  }
}

/** Sends what tap says through one of its reporters; the reporter's end decides how this process ends. */
function report(reporter) {
  if (reporter === 'tap') return tap.pipe(process.stdout)
  const args = ['-', '--disable-coverage', `--reporter=${reporter}`]
  const reporting = spawn('node_modules/.bin/tap', args, { stdio: ['pipe', 'inherit', 'inherit'] })
  reporting.on('exit', (code) => {
    process.exitCode ||= code ?? 1
  })
  tap.pipe(reporting.stdin)
  tap.register()
}

const all = findTests()
const tests = chooseTests(all)
for (const file of tests) {
  if (all.includes(file)) continue
  console.error(`No such test file: ${file}`)
  process.exit(1)
}
if (!options.bundled) await bundle(all)

report(options.reporter ?? (process.stdout.isTTY ? 'base' : 'tap'))
tap.setTimeout(0)
tap.jobs = Number(options.jobs)
tap.plan(tests.length)

// Through `env`, since tap would have every process that runs under a test load its coverage hooks, a second each.
const env = {
  ...process.env,
  ...(options.update && { WALK_UPDATE: '1' }),
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
}
const NO_HOOKS = './test/no-async-hooks.mjs'
const NODE_OPTIONS = `NODE_OPTIONS=${process.env.NODE_OPTIONS ?? ''}`
for (const name of tests) {
  const built = join('dist', name.replace(/\.ts$/, '.mjs'))
  const args = [NODE_OPTIONS, process.execPath, '--import', NO_HOOKS, '--enable-source-maps', built]
  const seconds = [...FIRE, ...LONG].includes(name) ? TIMEOUT_S.long : TIMEOUT_S.usual
  const timed = { ...env, TAP_TIMEOUT: String(seconds) }
  void tap.spawn('env', args, { name, env: timed, buffered: true, timeout: seconds * 1000 })
}
