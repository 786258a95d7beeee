import { readFileSync } from 'node:fs'
import t from 'tap'
import { SETTINGS } from '../src/env.js'
import { ERRORS } from '../src/errors.js'
import { LOG_FIELDS } from '../src/plugins/log-line.js'

const readme = readFileSync('README.md', 'utf8')

/** The rows of a marked table, each as its cells; the two head lines left out. */
function table(name: string): string[][] {
  const [, body = ''] = new RegExp(`<!-- table: ${name} -->\\n([\\s\\S]*?)<!-- /table -->`).exec(readme) ?? []
  const rows = body.trim().split('\n').slice(2)
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  )
}

t.test('the settings table says what env.ts reads: names, defaults and meanings', async (t) => {
  const expected = Object.values(SETTINGS).map((setting) => [
    `\`${setting.name}\``,
    'required' in setting ? 'required' : setting.default === undefined ? '–' : `\`${setting.default}\``,
    setting.doc,
  ])
  t.strictSame(table('settings'), expected)
})

t.test('the error table says what errors.ts has: codes, statuses and public texts', async (t) => {
  const expected = ERRORS.map(({ code, statusCode, message }) => [`\`${code}\``, String(statusCode), message])
  t.strictSame(
    table('errors').map((cells) => cells.slice(0, 3)),
    expected,
  )
  for (const [code, , , help] of table('errors')) t.ok(help, `${code} says what it means and what to do`)
  t.equal(new Set(ERRORS.map(({ code }) => code)).size, ERRORS.length, 'codes are unique')
})

t.test('the log field table is the allow-list', async (t) => {
  const expected = Object.entries(LOG_FIELDS).map(([name, meaning]) => [`\`${name}\``, meaning])
  t.strictSame(table('log fields'), expected)
})

t.test('the table of verify reasons has every reason of the code and no other', async (t) => {
  const source = readFileSync('src/triggers/verify-auth-challenge-response.ts', 'utf8')
  const [, union = ''] = /export type VerifyReason =([\s\S]*?)\n\n/.exec(source) ?? []
  const reasons = [...union.matchAll(/'(\w+)'/g)].map(([, reason]) => reason).filter((reason) => reason !== 'verified')
  t.strictSame(
    table('verify reasons').map(([reason]) => reason),
    reasons.map((reason) => `\`${reason}\``),
  )
})

t.test('the two commands of the set-up are there, and every npm script that the page names exists', async (t) => {
  t.match(readme, 'npm ci && npm start')
  t.match(readme, 'npm ci && npm test')
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }
  for (const [, name = ''] of readme.matchAll(/npm run (\w+)/g)) t.ok(name in scripts, name)
})
