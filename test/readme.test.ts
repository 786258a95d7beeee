import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import t from 'tap'
import { createProgram } from '../src/commands/index.js'
import { SETTINGS } from '../src/env.js'
import { ERRORS } from '../src/errors.js'
import {
  ACTIONS_ALIAS,
  FUNCTION_ARN,
  OPERATOR_VARIABLES,
  operator,
  PARAMETER_PREFIX,
  TABLE_NAME,
} from '../src/local/accounts.js'
import { CHECK_DOCS } from '../src/operator/doctor/finding.js'
import { OPERATOR_SETTINGS } from '../src/operator/settings.js'
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

t.test("the table of checks is the doctor's", async (t) => {
  const expected = Object.entries(CHECK_DOCS).map(([check, doc]) => [`\`${check}\``, doc])
  t.strictSame(table('checks'), expected)
})

t.test("the table of the operator's settings says what the commands read", async (t) => {
  const expected = Object.values(OPERATOR_SETTINGS).map(({ name, doc }) => [`\`${name}\``, doc])
  t.strictSame(table('operator settings'), expected)
})

t.test("the table of the operator's rights is all that an operator may do in the embedded stack", async (t) => {
  const { DOCTOR_ROLE_ARN } = OPERATOR_VARIABLES
  const on = (resource: string): string | undefined => {
    if (resource.endsWith(`:table/${TABLE_NAME}`)) return 'the table `TENANT_TABLE`'
    if (resource.endsWith(`:parameter${PARAMETER_PREFIX}/*_*/*`)) {
      return "the tenants' parameters, `PARAMETER_PREFIX` + `/*_*/*`"
    }
    const others = new Map([
      [FUNCTION_ARN, 'the function `GATEWAY_FUNCTION_ARN`'],
      [`${FUNCTION_ARN}:*`, 'its aliases'],
      [`${FUNCTION_ARN}:${ACTIONS_ALIAS}`, 'the alias `ACTIONS_ALIAS`'],
      [DOCTOR_ROLE_ARN, 'the role `DOCTOR_ROLE_ARN`'],
    ])
    return others.get(resource)
  }
  const statements = operator.policies.flatMap(({ Statement }) => Statement)
  const expected = statements.map(({ Effect, Action, Resource = '' }) => {
    const actions = [Action].flat().map((action) => `\`${action}\``)
    return [`${Effect === 'Deny' ? 'denied: ' : ''}${actions.join(', ')}`, on(String(Resource))]
  })
  t.strictSame(table('operator rights'), expected)
})

/** Every command that does something by itself, with its arguments. */
function usages(command: Command, path: string): string[] {
  const args = command.registeredArguments.map((one) => (one.required ? ` <${one.name()}>` : ` [${one.name()}]`))
  const own = command.commands.length === 0 || args.length > 0 ? [`${path}${args.join('')}`] : []
  return [...own, ...command.commands.flatMap((child) => usages(child, `${path} ${child.name()}`))]
}

t.test('the table of commands has one row for each command of the program, and no other', async (t) => {
  const silent = { write: () => true }
  const io = { stdin: process.stdin, stdout: silent, stderr: silent, env: {}, built: 'dist', clock: { now: () => 0 } }
  const program = createProgram({ ...io, foundProblems: () => {} })
  t.strictSame(
    table('commands').map(([usage]) => usage),
    usages(program, 'corbado-gateway').map((usage) => `\`${usage}\``),
  )
  for (const [usage, does] of table('commands')) t.ok(does, `${usage} says what it does`)
})
