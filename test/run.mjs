/**
 * Bundles the tests into dist/test and runs them under tap: a process for the files of a few folders (group.ts), one
 * more at a time than there are cores, as some wait.
 *
 *     node test/run.mjs                      every file but the long ones
 *     node test/run.mjs --long               the long ones
 *     node test/run.mjs --guards             those of the long ones that no change may go without
 *     node test/run.mjs --browser            those that drive a browser
 *     node test/run.mjs test/docs.test.ts …  those named
 *
 * `--reporter=NAME` is one of tap's; the default is `base` in a terminal and `tap` elsewhere. `--bundled` takes the bundles
 * that are there, and `--update` has a test write the page that it would compare.
 *
 * Where no browser can be found for the files that need one, they are not run, which one line tells; with `CI` set it fails.
 */
import { spawn } from 'node:child_process'
import { generateKeyPair } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import process from 'node:process'
import { parseArgs, promisify } from 'node:util'
import { build } from 'esbuild'
import tap from 'tap'

/** The whole matrix of faults and the long schedules: a quarter of an hour. `npm test` has a sample of the one, `.ci/run` of both. */
const FIRE = [
  'test/flows/fire/table.test.ts',
  'test/flows/fire/others.test.ts',
  'test/flows/fire/function.test.ts',
  'test/flows/fire/tokens.test.ts',
  'test/flows/fire/long-schedule.test.ts',
]
/** What is exhaustive or long, so not in `npm test`, and yet no change may go without: `.ci/run` has these too. */
const GUARDS = [
  'test/flows/leaks.test.ts',
  'test/commands/every/output.test.ts',
  'test/actions/decoy.test.ts',
  'test/triggers/every-session.test.ts',
  'test/commands/cloudwatch/explain.test.ts',
  'test/flows/on-call/whole-way.test.ts',
  'test/flows/onboarding.test.ts',
  'test/flows/advice.test.ts',
  'test/flows/hand-over.test.ts',
  'test/flows/clients.test.ts',
  'test/flows/fire/schedule.test.ts',
  'test/hostile/forged.test.ts',
  'test/hostile/values.test.ts',
  'test/package/installed.test.ts',
  'test/commands/every/way.test.ts',
  'test/operator/watch/looks.test.ts',
  'test/operator/watch/function.test.ts',
  'test/operator/report/page.test.ts',
  'test/operator/causes/causes.test.ts',
  'test/commands/completion.test.ts',
  'test/local/demo.test.ts',
]
/** Minutes each: thousands of tenants and files, the image, other Nodes, the AWS CLI, a real terminal. */
const SCALE = [
  'test/flows/many-tenants.test.ts',
  'test/flows/many-files.test.ts',
  'test/flows/terminal.test.ts',
  'test/flows/hand-over-aws.test.ts',
  'test/dockerfile.test.ts',
  'test/package/nodes.test.ts',
]
const LONG = [...GUARDS, ...SCALE]
/** What needs a program that not every machine has: each has a script of its own. */
const OWN = /^test\/(runtime|browser)\//
/** What drives a browser: the one where `CHROMIUM` says, or else the first of these. */
const IN_BROWSER = /^test\/browser\//
const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
/**
 * The folders whose files share a process, about a minute of one core each, so that few processes load the SDK and warm up the
 * same code; the longest first, so that what runs last is short. A folder that stands nowhere here has a process of its own.
 */
const PROCESSES = [
  ['commands/local'],
  ['flows', 'flows/fire'],
  ['.', 'package'],
  ['commands', 'commands/every', 'commands/explain', 'terminal'],
  ['commands/tenants', 'commands/wire', 'commands/cloudwatch', 'commands/on-call'],
  ['upstreams', 'tenant', 'resilience', 'local', 'local/demo', 'stability'],
  ['actions', 'routes', 'triggers', 'plugins', 'hostile'],
  ['operator', 'operator/causes', 'operator/files', 'operator/lines', 'operator/watch'],
]
/** A file that is not done by then hangs. */
const TIMEOUT_S = { usual: 300, long: 1_200 }
const CHUNKS = 'dist/test/chunks'
/** RSA keys for the stand-ins, for test/local/fixtures/key-pairs.ts: as many as most processes of tests need. */
const KEY_PAIRS = { file: 'dist/test/key-pairs.json', count: 32 }
const HOUR_MS = 3_600_000

const { values: options, positionals: named } = parseArgs({
  allowPositionals: true,
  options: {
    long: { type: 'boolean' },
    guards: { type: 'boolean' },
    fire: { type: 'boolean' },
    browser: { type: 'boolean' },
    bundled: { type: 'boolean' },
    update: { type: 'boolean' },
    reporter: { type: 'string' },
    jobs: { type: 'string', default: String(availableParallelism() + 1) },
  },
})

/** Every test file in the repository, as paths from its root. */
function findTests() {
  return readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts') && !name.includes('node_modules'))
    .map((name) => join('test', name))
}

/** The browser's program: the one that was installed for `playwright-core` goes before the system's. */
async function findBrowser() {
  if (process.env.CHROMIUM) return existsSync(process.env.CHROMIUM) ? process.env.CHROMIUM : undefined
  const { chromium } = await import('playwright-core')
  return [chromium.executablePath(), ...BROWSERS].find((path) => existsSync(path))
}

/** The files of this run as groups, each for a process of its own, in the order in which they begin. */
function chooseGroups(all) {
  if (named.length > 0) return [named]
  // One after another: each starts a stack, and a browser.
  if (options.browser) return [all.filter((file) => IN_BROWSER.test(file)).sort()]
  // Each of these is long, or looks at its own process's memory and end.
  if (options.fire) return FIRE.map((file) => [file])
  if (options.long) return LONG.map((file) => [file])
  if (options.guards) return GUARDS.map((file) => [file])
  const others = [...FIRE, ...LONG]
  const groups = PROCESSES.map((folders) => ({ folders, files: [] }))
  for (const file of all.filter((file) => !others.includes(file) && !OWN.test(file)).sort()) {
    const folder = relative('test', dirname(file)) || '.'
    const group = groups.find(({ folders }) => folders.includes(folder))
    if (group) group.files.push(file)
    else groups.push({ folders: [folder], files: [file] })
  }
  return groups.map(({ files }) => files)
}

/** In a test, `tap` is what its group gives it: root.ts. */
const TAP = {
  name: 'tap',
  setup({ onResolve }) {
    const root = resolve('test/root.ts')
    onResolve({ filter: /^tap$/ }, ({ importer }) => {
      return [root, resolve('test/group.ts')].includes(importer) ? undefined : { path: root }
    })
  },
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
    plugins: [TAP],
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

/** Makes the key pairs of this run, if no earlier one has. */
async function makeKeyPairs({ file, count }) {
  if (existsSync(file)) return
  const encoded = {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }
  const make = () => promisify(generateKeyPair)('rsa', { modulusLength: 2_048, ...encoded })
  const pairs = await Promise.all(Array.from({ length: count }, make))
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(`${file}.new`, JSON.stringify(pairs.map(({ privateKey }) => privateKey)), { mode: 0o600 })
  renameSync(`${file}.new`, file)
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
const groups = chooseGroups(all)
for (const file of groups.flat()) {
  if (all.includes(file)) continue
  console.error(`No such test file: ${file}`)
  process.exit(1)
}
const inBrowser = groups.flat().filter((file) => IN_BROWSER.test(file))
const browser = inBrowser.length > 0 ? await findBrowser() : undefined
if (inBrowser.length > 0 && browser === undefined) {
  const places = process.env.CHROMIUM ? `where CHROMIUM says, ${process.env.CHROMIUM}` : `at ${BROWSERS.join(', ')}`
  const how = 'apt-get install chromium, or npx playwright-core install chromium'
  console.error(
    `\n*** NOT RUN: ${inBrowser.length} test files need a browser, and there is none ${places}: ${how} ***\n`,
  )
  process.exit(process.env.CI ? 1 : 0)
}
// Before the bundling, which may take longer than tap gives a run that has no plan yet.
tap.setTimeout(0)
await Promise.all([makeKeyPairs(KEY_PAIRS), options.bundled || bundle(['test/group.ts', ...all])])

report(options.reporter ?? (process.stdout.isTTY ? 'base' : 'tap'))
tap.jobs = Number(options.jobs)
tap.plan(groups.length)

// Through `env`, since tap would have every process that runs under a test load its coverage hooks, a second each.
const env = {
  ...process.env,
  ...(options.update && { WALK_UPDATE: '1' }),
  ...(browser && { CHROMIUM: browser }),
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
}
const NO_HOOKS = './test/no-async-hooks.mjs'
const NODE_OPTIONS = `NODE_OPTIONS=${process.env.NODE_OPTIONS ?? ''}`
const args = [NODE_OPTIONS, process.execPath, '--import', NO_HOOKS, '--enable-source-maps', 'dist/test/group.mjs']
for (const files of groups) {
  const long = [...FIRE, ...LONG].includes(files[0]) || OWN.test(files[0])
  const seconds = long ? TIMEOUT_S.long : TIMEOUT_S.usual
  const name = files.length === 1 ? files[0] : [...new Set(files.map(dirname))].join(' ')
  const timed = { ...env, FILES: files.join(' '), FILE_TIMEOUT_S: String(seconds) }
  void tap.spawn('env', args, { name, env: timed, buffered: true, timeout: seconds * files.length * 1_000 })
}
