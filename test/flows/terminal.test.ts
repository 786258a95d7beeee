import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { readApps } from '../../src/local/clients/apps.js'
import { cutWords, inTerminal, type Typed } from '../fixtures/terminal.js'
import { parseWalk, type WalkCommand } from '../fixtures/walk.js'
import { startNewcomerWorld } from './fixtures/newcomer-world.js'

const steps = parseWalk(readFileSync('tenants/ONBOARDING.md', 'utf8'))

const escapesIn = (raw: string) => raw.split('\u001b').slice(1)
/** All others move the cursor, which only a question does. */
const isColour = (sequence: string) => /^\[\d+m/.test(sequence)

/** A name or a document that is copied may be cut by the edge, and a command, which is one line to be copied. */
const isCopied = (word: string) => /arn:aws|^\{"|^\/corbado\/gateway\//.test(word)
function cutIn(lines: readonly string[], columns: number): string[] {
  const others = lines.map((line) => line.replace(/(?:corbado-gateway|npx) \S.*$/, ''))
  return cutWords(others, columns).filter((word) => !isCopied(word))
}

/** The two people of the walk with a terminal, in a world of their own. */
async function startTerminals(t: Parameters<typeof startNewcomerWorld>[0], columns: number) {
  const { workspace, customer, bare } = await startNewcomerWorld(t)
  const { corbado } = await readApps(customer)
  const credential = readFileSync(join(workspace, 'northwind.credential'), 'utf8').trim()
  const secret = Buffer.from(credential, 'base64').toString().split(':')[1] ?? ''

  /** A line typed into a terminal by one of the two, who then types the answers. */
  function type(who: WalkCommand['who'], line: string, typed: readonly Typed[] = [], env: Record<string, string> = {}) {
    const words = `. ./${who}.env; ${line.replaceAll('http://127.0.0.1:4502', corbado)}`
    return inTerminal(words, { cwd: workspace, env: { ...bare, ...env }, columns, typed })
  }
  return { workspace, corbado, credential, secret, type }
}

/** What a person types in the place of a flag or a pipe of the page. */
const asTyped = (credential: string) => [
  { page: /^(.* secret set northwind) <.*$/, after: /\(pro-3333333333\): $/, keys: `${credential}\n` },
  {
    page: /^(.* tenants remove northwind) --confirm .*$/,
    after: /^Type the tenant id to remove it: $/m,
    keys: 'northwind\n',
  },
  { page: /^(.*) --yes\b(.*)$/, after: /^Write this\? \[y\/N\] $/m, keys: 'y\n' },
]
/** Commands that fail, of which the page says so: by step, their places in it. */
const FAILS: Readonly<Record<string, readonly number[]>> = { missing: [0], pause: [1], fault: [1] }

t.test('asked for everything, an operator answers on the terminal, Enter takes what is suggested', async (t) => {
  const { workspace, corbado, type } = await startTerminals(t, 80)
  mkdirSync(join(workspace, 'asked'))
  const answers: Typed[] = [
    [/^customer, .*: $/m, 'northwind'],
    [/^name for people \[Northwind\]: $/m, ''],
    [/^AWS account of the customer, 12 digits: $/m, '7777'],
    [/^no: 7777 .*^AWS account of the customer, 12 digits: $/ms, '777788889999'],
    [/^user pool id, .*: $/m, 'eu-central-1_N0rthw1nd'],
    [/^Corbado project, .*: $/m, 'pro-3333333333'],
    [/^base address of Corbado's Backend API \[.*\]: $/m, corbado],
    [/^login flow: .* \[passkey\]: $/m, ''],
    [/^what the customer lets us do, .*\]: $/ms, ''],
    [/^MFA factor .*: $/ms, 'sms'],
    [/^functions that the pool's triggers call .* \[none\]: $/ms, ''],
    [/^tenant id, .*\[northwind-n0rthw1nd\]: $/m, ''],
  ].map(([after, line]) => ({ after: after as RegExp, keys: `${line}\n` }))
  const shown = await type('operator', 'corbado-gateway onboard --dir asked --hand-over asked.md', answers)
  t.equal(shown.code, 0, shown.raw)
  t.match(readFileSync(join(workspace, 'asked/northwind-n0rthw1nd.yaml'), 'utf8'), 'displayName: Northwind\n')
  const cut = cutIn(shown.lines, 80).filter((word) => word !== corbado)
  t.strictSame(cut, [], 'no word is cut by the edge but what was typed there')
})

for (const columns of [80, 120]) {
  t.test(`the walk of ONBOARDING.md in a terminal of ${columns} columns, as typed by both`, async (t) => {
    const { credential, secret, type } = await startTerminals(t, columns)
    const questions = asTyped(credential)
    let asked = 0
    for (const { name, commands } of steps) {
      await t.test(name, async (t) => {
        for (const [index, { who, line }] of commands.entries()) {
          // A second credential is in a file that the page's own line made.
          const given = /second\.credential/.test(line) ? undefined : questions.find(({ page }) => page.test(line))
          const typed = given ? [{ after: given.after, keys: given.keys }] : []
          asked += typed.length
          const { code, raw, lines } = await type(who, given ? line.replace(given.page, '$1$2') : line, typed)
          t.equal(code, FAILS[name]?.includes(index) ? 1 : 0, `${line}\n${raw}`)
          t.strictSame(cutIn(lines, columns), [], `no word is cut by the edge: ${line}`)
          for (const part of [credential, secret]) t.notOk(raw.includes(part), 'no secret is shown, typed or not')
          if (!given) t.ok(escapesIn(raw).every(isColour), `nothing is asked where flags suffice: ${line}`)
          if (/tenants (activate|pause|resume|rollback)/.test(line)) await sleep(1_100)
        }
      })
    }
    t.ok(asked > 5, 'the page has questions')
  })
}

t.test('a terminal that knows no escapes, or whose user wants none, gets none; nor does a file', async (t) => {
  const { type } = await startTerminals(t, 80)
  const ask = { after: /^Write this\? \[y\/N\] $/m, keys: 'n\n' }
  for (const env of [{ TERM: 'dumb' }, { NO_COLOR: '1' }]) {
    const [doctor, suspend] = [
      await type('operator', 'corbado-gateway doctor acme-shop', [], env),
      await type('operator', 'corbado-gateway tenants suspend acme-shop', [ask], env),
    ]
    t.match(doctor, { code: 0, raw: '✓ config' })
    t.match(suspend, { code: 1, raw: 'Nothing was written.' })
    t.match(suspend.raw, 'Write this? [y/N] n', 'the terminal itself shows what is typed, as it would a secret')
    for (const { raw } of [doctor, suspend]) t.strictSame(escapesIn(raw), [], JSON.stringify(env))
  }
  const piped = await type('operator', 'corbado-gateway doctor acme-shop > doctor.txt; cat doctor.txt')
  t.strictSame(escapesIn(piped.raw), [])
  t.match(piped.raw, /✓ triggers +The custom-auth triggers call arn:/, 'and one line a finding')
})
