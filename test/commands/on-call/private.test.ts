/**
 * What a person typed, or the gateway must not tell, comes out of no command that reads lines, whichever way it got in: from lines
 * of other hands, other versions and other programs, from what is typed, and from a state that was tampered with.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import type { Fields } from '../../../src/operator/lines/line.js'
import { KINDS } from '../../fixtures/oncall/incidents.js'
import { createRandom } from '../../fixtures/oncall/random.js'
import { createWorld, generate, MINUTE_MS, START } from '../../fixtures/oncall/traffic.js'
import { cli } from '../fixtures/cli.js'

const random = createRandom(3)
const world = createWorld(random, 8, 150)
const { incident, tenant = '' } = (KINDS['key revoked by Corbado'] as (typeof KINDS)[string])(world, random)
const lines: Fields[] = []
generate(world, 4, incident, (_, fields) => lines.push(fields))

let planted = 0
/** A mark of its own for every place, in the form of what a person types. */
const canary = (place: string) => {
  planted += 1
  return `canary-${place}-${planted}@example.com`
}
const CANARY = /canary-/

/** Every way in which a line can hold what it must not. */
const WAYS: readonly ((fields: Fields) => object)[] = [
  (fields) => ({ ...fields, identifier: canary('identifier'), request: { challengeAnswer: canary('answer') } }),
  (fields) => ({ ...fields, email: canary('email'), [canary('key')]: 1, username: [canary('list')] }),
  (fields) => ({ ...fields, err: { code: 'GW_ERR_INTERNAL', message: canary('message'), stack: canary('stack') } }),
  (fields) => ({ ...fields, msg: canary('msg'), triggerSource: canary('source') }),
  (fields) => ({ ...fields, upstream: { corbado: 60, [canary('dependency')]: 70, sts: canary('ms') } }),
  (fields) => ({ ...fields, failed: canary('failed'), operation: canary('operation') }),
  (fields) => ({ ...fields, upstreamErrorType: `not found: ${canary('type')}`, upstreamRequestId: canary('id') }),
  (fields) => ({ ...fields, upstreamStatus: canary('status'), attempt: canary('attempt'), lateMs: canary('late') }),
  (fields) => ({ ...fields, clientSdk: canary('sdk'), instance: canary('instance'), alias: canary('alias') }),
  (fields) => ({ ...fields, gatewayVersion: canary('release'), configVersion: canary('config') }),
  (fields) => ({ ...fields, customer: canary('customer'), region: canary('region'), door: canary('door') }),
  (fields) => ({ ...fields, clientId: canary('client'), flowId: canary('flow'), requestId: canary('request') }),
  (fields) => ({ ...fields, user: canary('user'), tenantId: canary('tenant') }),
  (fields) => ({ ...fields, tenantId: undefined, userPoolId: canary('pool') }),
  (fields) => ({ ...fields, reason: canary('reason'), level: canary('level') }),
]

const texts = lines.flatMap((fields, index) => {
  const way = WAYS[Math.floor(index / 4) % WAYS.length]
  const text = JSON.stringify(index % 4 === 0 && way ? way(fields) : fields)
  if (index % 50 !== 0) return [text]
  return [
    text,
    `2026-11-30T02:10:00Z 8476a536-e9f4-11e8-9739-2dfe598c3fcd Task timed out after 5.00 seconds ${canary('lambda')}`,
    `ERROR unhandled ${canary('foreign')}`,
    `{"broken": "${canary('broken')}`,
    `2026-11-30T02:10:00Z ${text}`,
  ]
})
const failed = lines.find(({ reason }) => reason === 'backend_unauthorized') ?? {}
const folder = t.testdir({})
const file = join(folder, 'lines.json')
writeFileSync(file, texts.join('\n'))
writeFileSync(`${file}.gz`, gzipSync(texts.join('\n')))
const state = join(folder, 'watch.json')
const page = join(folder, 'report.html')
const own = join(folder, 'own.html')
const now = new Date(START + 151 * MINUTE_MS).toISOString()
const later = new Date(START + 190 * MINUTE_MS).toISOString()

t.test('no canary of any input is in what a command prints or keeps', async (t) => {
  t.ok(planted > 500 && WAYS.length === 15)
  const runs: string[][] = [
    ['logs', file, '--last', '0'],
    ['logs', file, '--last', '0', '--json'],
    ['logs', `${file}.gz`, '--level', 'error', '--json'],
    ['logs', file, '--user', canary('typed')],
    ['explain', '--all', file],
    ['explain', '--all', `${file}.gz`, '--json'],
    ['explain', tenant, file, '--json'],
    ['explain', tenant, file, '--flow', String(failed.flowId)],
    ['explain', tenant, file, '--flow', String(failed.flowId), '--json'],
    ['explain', tenant, file, '--user', String(failed.user), '--json'],
    ['explain', tenant, file, '--user', canary('typed')],
    ['report', file, '--out', page],
    ['report', file, '--out', own, '--tenant', tenant, '--json'],
    ['watch', file, '--state', state],
    ['watch', `${file}.gz`, '--state', state, '--json'],
    ['watch', '--state', state],
  ]
  let said = 0
  for (const words of runs) {
    const piped = words.includes(file) || words.includes(`${file}.gz`) ? {} : { stdin: texts.join('\n') }
    const { stdout, stderr } = await cli(words, { now: words[0] === 'watch' && piped.stdin ? later : now, ...piped })
    said += stdout.length
    for (const [name, text] of Object.entries({ stdout, stderr }))
      t.notOk(
        CANARY.test(text),
        `${words.join(' ').slice(0, 80)}: ${name}: ${text.slice(Math.max(0, text.search(CANARY) - 80)).slice(0, 160)}`,
      )
  }
  t.ok(said > 100_000, 'and they printed something')
  for (const name of readdirSync(folder).filter((name) => !name.startsWith('lines')))
    t.notMatch(readFileSync(join(folder, name), 'utf8'), CANARY, name)
  t.strictSame(readdirSync(folder).sort(), ['lines.json', 'lines.json.gz', 'own.html', 'report.html', 'watch.json'])
})

t.test('neither a pseudonym nor the id of a login or request is in a report, a notice or a state', async (t) => {
  const kept = [page, own, state].map((name) => readFileSync(name, 'utf8'))
  const fresh = join(folder, 'fresh.json')
  await cli(['watch', file, '--state', fresh], { now })
  const told = await cli(['watch', file, '--state', fresh], { now: later })
  kept.push(told.stdout, told.stderr, readFileSync(fresh, 'utf8'))
  t.match(kept.join('\n'), /backend_unauthorized/)
  const ids = new Set(
    lines
      .flatMap(({ user, flowId, requestId }) => [user, flowId, requestId])
      .filter(Boolean)
      .map(String),
  )
  t.ok(ids.size > 1_000)
  t.strictSame(
    [...ids].filter((id) => kept.some((text) => text.includes(id))),
    [],
  )
})

t.test('a state that was tampered with is refused, and nothing of it is told', async (t) => {
  const good = JSON.parse(readFileSync(state, 'utf8'))
  const [key = ''] = Object.keys(good.causes)
  t.ok(key)
  const cause = good.causes[key]
  const bad = [
    { ...good, note: canary('note') },
    { ...good, causes: { [canary('cause')]: cause } },
    { ...good, causes: { [key]: { ...cause, what: canary('what') } } },
    { ...good, causes: { [key]: { ...cause, user: canary('user') } } },
    { ...good, causes: { [key]: { ...cause, reason: canary('reason') } } },
    { ...good, causes: { [key]: { ...cause, tenants: { [canary('tenant')]: Object.values(cause.tenants)[0] } } } },
  ]
  for (const value of bad) {
    writeFileSync(state, JSON.stringify(value))
    const { code, stdout, stderr } = await cli(['watch', file, '--state', state], { now: later })
    t.equal(code, 1)
    t.match(stderr, /is not what watch wrote/)
    t.notMatch(stdout + stderr, CANARY)
  }
})
