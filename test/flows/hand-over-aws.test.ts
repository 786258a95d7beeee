import { execFile, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { NEWCOMER } from '../../src/local/world/newcomer.js'
import { startHandOver } from './fixtures/customer-part.js'
import { annexC } from './fixtures/page.js'

/** The AWS CLI itself, with nothing of the person who runs the test but the programs. */
async function awsCli(words: readonly string[], cwd: string, env: Record<string, string>): Promise<string> {
  const { PATH = '', HOME = '' } = process.env
  const none = join(cwd, 'none')
  const own = { PATH, HOME, AWS_CONFIG_FILE: none, AWS_SHARED_CREDENTIALS_FILE: none, ...env }
  const { stdout, stderr } = await promisify(execFile)('aws', [...words], {
    cwd,
    env: own,
    maxBuffer: 16 * 1024 * 1024,
  })
  // The page sends the log where the answer goes.
  return words.includes('--debug') ? stderr + stdout : stdout
}

const missing = ['aws', 'jq'].filter((name) => spawnSync(name, ['--version']).status !== 0)
if (missing.length > 0)
  console.error(`NOT TRIED: annex C of a hand-over, since ${missing.join(' and ')} is not installed`)

t.test(
  'annex C of a hand-over, typed into the AWS CLI itself, brings the pool to a green doctor, and back',
  async (t) => {
    if (missing.length > 0) return void t.notOk(process.env.CI, 'where nobody watches, they have to be there')
    const { handOver, operate, follow } = await startHandOver(t, awsCli)
    const { steps, clients, undo } = annexC(readFileSync(handOver, 'utf8'))
    await follow(steps)
    await follow(clients.replaceAll('CLIENT_ID', NEWCOMER.clientId))
    t.match(await operate('doctor northwind'), ' 0 failed, 0 not checkable\n')
    await follow(undo)
    t.match(await operate('doctor northwind', '', 1), /✗ .*trigger/)
  },
)
