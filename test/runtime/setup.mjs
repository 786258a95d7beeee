/**
 * Installs AWS's Lambda runtime client and Node 24 beside this file, once for each package-lock.json. The client is
 * built from source without a download: one to three minutes, with the tools below. Ends with 3 where one of them is missing.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import process from 'node:process'

const NOT_POSSIBLE = 3
const here = import.meta.dirname
const stamp = join(here, 'node_modules', '.installed')
const wanted = createHash('sha256')
  .update(readFileSync(join(here, 'package-lock.json')))
  .digest('hex')

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const folders = (process.env.PATH ?? '').split(delimiter)
const hasProgram = (...names) => names.some((name) => folders.some((folder) => isProgram(join(folder, name))))

function missing() {
  const tools = {
    cmake: ['cmake', 'cmake3'],
    'g++': ['g++'],
    make: ['make'],
    python: ['python3', 'python'],
    xz: ['xz'],
  }
  const absent = Object.keys(tools).filter((tool) => !hasProgram(...tools[tool]))
  return process.platform === 'linux' && process.arch === 'x64' ? absent : ['Linux on x64', ...absent]
}

const isGlibc = () => process.report.getReport().header.glibcVersionRuntime !== undefined

function install() {
  const absent = missing()
  if (absent.length > 0) {
    console.error(`aws-lambda-ric cannot be built here, for want of: ${absent.join(', ')}`)
    return NOT_POSSIBLE
  }
  const started = Date.now()
  // What an `npm run` of the root hands down must not decide here: it forbids install scripts.
  const { npm_config_local_prefix: _, ...env } = process.env
  const build = (more) =>
    spawnSync('npm', ['ci', '--ignore-scripts=false'], {
      cwd: here,
      // Headers come with the package of Node 24, so that node-gyp need not download any.
      env: {
        ...env,
        npm_config_ignore_scripts: 'false',
        npm_config_nodedir: join(here, 'node_modules/node24'),
        ...more,
      },
      encoding: 'utf8',
    })
  // Most of the time is curl's configure, and most of what that tries is the same on every such machine.
  const known = isGlibc() ? build({ CONFIG_SITE: join(here, 'curl.site') }) : undefined
  const run = known?.status === 0 ? known : build({})
  if (run.status !== 0) {
    console.error(`npm ci failed in ${here}:\n${run.stdout}${run.stderr}`)
    return 1
  }
  writeFileSync(stamp, wanted)
  console.log(`built in ${Math.round((Date.now() - started) / 1_000)} s`)
  return 0
}

const installed = existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted
process.exitCode = installed ? 0 : install()
