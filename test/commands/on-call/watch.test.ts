import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import t from 'tap'
import { KINDS } from '../../fixtures/oncall/incidents.js'
import { createRandom } from '../../fixtures/oncall/random.js'
import { createWorld, generate, MINUTE_MS, START } from '../../fixtures/oncall/traffic.js'
import { answerIn } from '../fixtures/answer.js'
import { cli } from '../fixtures/cli.js'

const random = createRandom(3)
const world = createWorld(random, 8, 150)
const { incident, tenant, onset } = (KINDS['key revoked by Corbado'] as (typeof KINDS)[string])(world, random)
const texts: { readonly at: number; readonly text: string }[] = []
generate(world, 4, incident, (at, fields) => texts.push({ at, text: JSON.stringify(fields) }))
const folder = t.testdir({})
const state = join(folder, 'watch.json')
const timeOf = (minute: number) => new Date(START + minute * MINUTE_MS).toISOString()

/** Looks at what was written by that minute. */
const look = (minute: number, ...words: string[]) =>
  cli(['watch', '--state', state, ...words], {
    now: timeOf(minute),
    stdin: texts
      .filter(({ at }) => at < START + minute * MINUTE_MS)
      .map(({ text }) => text)
      .join('\n'),
  })

t.test('what has not changed is not told again, and what was told is kept', async (t) => {
  t.match(await look(onset - 5), { code: 0, stdout: '', stderr: /0 notices, 0 causes going on/ })
  const runs = []
  for (let minute = onset + 5; minute <= onset + 40; minute += 5) runs.push(await look(minute))
  const said = runs.filter(({ stdout }) => stdout !== '')
  t.equal(said.length, 1)
  t.match(said[0], { code: 1, stdout: /^failing: verify-auth-challenge-response incorrect backend_unauthorized/ })
  for (const wanted of [
    /^ {3}cause +Corbado took the key back\./m,
    new RegExp(`^ {3}since +${timeOf(onset).slice(0, 15)}`, 'm'),
    new RegExp(`^ {3}whom +1 tenant: ${tenant}$`, 'm'),
    /^ {3}who acts +Corbado$/m,
    new RegExp(`^ {3}do +corbado-gateway secret set ${tenant}$`, 'm'),
    /^ {3}page +infra\/ON-CALL\.md#verify-reasons$/m,
  ])
    t.match(said[0]?.stdout, wanted)
  t.match(runs.at(-1), { code: 1, stderr: /0 notices, 1 cause going on/ }, 'it still goes on')
  t.strictSame(readdirSync(folder), ['watch.json'])
})

t.test('the page that a notice names is there', async (t) => {
  const page = readFileSync('infra/ON-CALL.md', 'utf8')
  for (const heading of ['Verify reasons', 'Other reasons', 'Faults and refusals', 'It is 02:10'])
    t.match(page, new RegExp(`^## ${heading}$`, 'm'))
})

t.test('without lines nothing is told, and nothing is forgotten', async (t) => {
  const before = readFileSync(state, 'utf8')
  t.match(await cli(['watch', '--state', state], { now: timeOf(150), stdin: '' }), {
    code: 1,
    stderr: /nothing was piped in/,
  })
  t.match(await cli(['watch', '--state', state], { now: timeOf(150), stdin: 'no line of ours\n' }), {
    code: 1,
    stderr: /no line of the gateway between .*: nothing can be told, and the state stays as it was/,
  })
  t.equal(readFileSync(state, 'utf8'), before)
})

t.test('a day is compared, counted back from --until', async (t) => {
  const stdin = texts.map(({ text }) => text).join('\n')
  const words = ['watch', '--state', join(folder, 'old.json'), '--until', timeOf(60)]
  const run = await cli(words, { now: new Date(START + 5 * 86_400_000).toISOString(), stdin })
  t.match(run, { code: 0, stderr: /^\d+ lines; 0 notices/ })
})

t.test('a state that is none is not written over', async (t) => {
  const other = join(folder, 'other.json')
  writeFileSync(other, '{"version":2}')
  t.match(await cli(['watch', '--state', other], { stdin: texts[0]?.text ?? '' }), {
    code: 1,
    stderr: /other\.json is not what watch wrote: move it away/,
  })
  t.equal(readFileSync(other, 'utf8'), '{"version":2}')
  t.match(await look(100, '--state', join(folder, 'none', 'watch.json')), { code: 1, stderr: /cannot be written/ })
  t.match(await cli(['watch'], {}), { code: 2, stderr: /TENANT_TABLE is not set/ })
})

t.test('a program gets the same, and a terminal no line that is wider than it', async (t) => {
  const fresh = join(folder, 'fresh.json')
  await look(onset + 30, '--state', fresh)
  const run = await look(onset + 31, '--state', fresh, '--json')
  t.match(answerIn(run.stdout), {
    kind: 'watch',
    notices: [{ reason: 'backend_unauthorized', was: 'ok', health: 'failing', tenants: 1, names: [tenant] }],
    causes: [{ health: 'failing' }],
  })
  await look(onset + 30, '--state', join(folder, 'wide.json'))
  const stdin = texts.filter(({ at }) => at < START + (onset + 31) * MINUTE_MS).map(({ text }) => text)
  const file = join(folder, 'lines.json')
  writeFileSync(file, stdin.join('\n'))
  const wide = await cli(['watch', file, '--state', join(folder, 'wide.json')], {
    now: timeOf(onset + 31),
    isTTY: true,
  })
  t.match(stripVTControlCharacters(wide.stdout), /^failing: /)
  for (const line of stripVTControlCharacters(wide.stdout).split('\n')) t.ok(line.length <= 80, line)
})
