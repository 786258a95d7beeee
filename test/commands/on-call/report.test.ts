import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { KINDS } from '../../fixtures/oncall/incidents.js'
import { createRandom } from '../../fixtures/oncall/random.js'
import { createWorld, generate } from '../../fixtures/oncall/traffic.js'
import { cli } from '../fixtures/cli.js'

const random = createRandom(3)
const world = createWorld(random, 8, 150)
const planted = (KINDS['key revoked by Corbado'] as (typeof KINDS)[string])(world, random)
const tenant = planted.tenant ?? ''
const pool = world.tenants.find(({ tenantId }) => tenantId === tenant)?.userPoolId ?? ''
const texts: string[] = []
generate(world, 4, planted.incident, (_, fields) => texts.push(JSON.stringify(fields)))
const folder = t.testdir({ 'lines.json': `${texts.join('\n')}\n` })
const file = join(folder, 'lines.json')
const out = join(folder, 'page.html')

t.test('a page is written, replaced only if that is said, and whole or not at all', async (t) => {
  const first = await cli(['report', file, '--out', out])
  t.match(first, { code: 0, stdout: /page\.html: \d+ lines, 1 incident, 0 silent tenants\n$/ })
  const page = readFileSync(out, 'utf8')
  t.match(page, /^<!doctype html>/)
  t.match(page, /Corbado took the key back/)
  t.match(await cli(['report', file, '--out', out]), { code: 1, stderr: /is there already: --force replaces it/ })
  t.match(await cli(['report', file, '--out', out, '--force', '--tenant', pool]), { code: 0 })
  t.not(readFileSync(out, 'utf8'), page)
  t.match(readFileSync(out, 'utf8'), new RegExp(`<h1>Passkey logins of ${tenant}</h1>`), 'a pool is its tenant')
  t.match(await cli(['report', file, '--out', join(folder, 'none', 'page.html')]), {
    code: 1,
    stderr: /cannot be written \(ENOENT\)/,
  })
  t.strictSame(readdirSync(folder).sort(), ['lines.json', 'page.html'])
})

t.test('a pipe says the same as the file', async (t) => {
  const piped = join(folder, 'piped.html')
  t.match(await cli(['report', '--out', piped], { stdin: texts.join('\n') }), { code: 0 })
  await cli(['report', file, '--out', out, '--force'])
  t.equal(readFileSync(piped, 'utf8'), readFileSync(out, 'utf8'))
})

t.test('what cannot be reported is told, and leaves no file', async (t) => {
  const none = join(folder, 'none.html')
  t.match(await cli(['report', file, '--out', none, '--tenant', 'acme']), {
    code: 1,
    stderr: /no line of "acme" among \d+ of 8 tenants/,
  })
  t.match(await cli(['report', file, '--out', none, '--since', '2030-01-01']), {
    code: 1,
    stderr: /none is of the time that was asked for/,
  })
  t.match(await cli(['report', '--out', none], { stdin: 'no line of ours' }), { code: 1 })
  t.match(await cli(['report', '--out', none], { isTTY: true }), { code: 1, stderr: /no lines to read/ })
  t.notOk(existsSync(none))
})
