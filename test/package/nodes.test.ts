import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { wireWords } from '../../src/operator/pool/line.js'
import { HOSTED_ARN, POOL, startCustomer } from './fixtures/customer.js'
import { installPackage, run } from './fixtures/installed.js'

/** The oldest Node that `engines` allows, and one of each later line that people have. */
const NODES = ['20.19.0', '22.23.5', '24.22.3']

const [{ folder, cli }, { env }] = await Promise.all([installPackage(t), startCustomer(t)])
cpSync('tenants', join(folder, 'tenants'), { recursive: true })
const own = { PATH: process.env.PATH ?? '', HOME: folder }

/** The Node of a version as npm has it; undefined if it cannot be had. */
async function fetchNode(version: string): Promise<string | undefined> {
  const name = `node-${process.platform}-${process.arch}`
  const into = join(folder, version)
  mkdirSync(into)
  const args = [
    'install',
    '--prefix',
    into,
    '--no-save',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    `${name}@${version}`,
  ]
  const variables = Object.entries(process.env).filter(([key]) => !/^npm_(package|lifecycle|config_local)/.test(key))
  const { code, stderr } = await run('npm', args, into, Object.fromEntries(variables) as Record<string, string>)
  if (code === 0) return join(into, 'node_modules', name, 'bin/node')
  console.error(`NOT TRIED: the package under Node ${version}, which npm could not fetch: ${stderr.split('\n')[0]}`)
  return undefined
}

for (const version of NODES) {
  t.test(`under Node ${version} the package's program helps, checks files and plans`, async (t) => {
    const node = await fetchNode(version)
    if (node === undefined)
      return void t.notOk(process.env.CI, 'where nobody watches, a Node that is missing is a failure')
    const program = (args: readonly string[], more = {}) => run(node, [cli, ...args], folder, { ...own, ...more })
    t.match(await run(node, ['--version'], folder, own), { stdout: `v${version}\n` })
    t.match(await program(['--help']), { code: 0, stdout: /^Usage: corbado-gateway /, stderr: '' })
    t.match(await program(['tenants', 'validate']), { code: 0, stdout: '3 tenants are valid\n', stderr: '' })
    const plan = await program(wireWords('plan', POOL, { arn: HOSTED_ARN }), env)
    t.match(plan, { code: 0, stdout: `+ CreateAuthChallenge: "${HOSTED_ARN}"` })
    t.notMatch(plan.stderr, /error/i)
  })
}
