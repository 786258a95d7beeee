import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import t from 'tap'
import { systemClock } from '../src/call.js'
import { createProgram } from '../src/commands/index.js'
import { SETTINGS } from '../src/env.js'
import { ERRORS } from '../src/errors.js'
import {
  ACTIONS_ALIAS,
  FUNCTION_ARN,
  OPERATOR_VARIABLES,
  onCallPolicy,
  operator,
  PARAMETER_PREFIX,
  PSEUDONYM_KEY_PARAMETER,
  TABLE_NAME,
} from '../src/local/accounts.js'
import { CHECK_DOCS } from '../src/operator/doctor/checks/finding.js'
import { OPERATOR_SETTINGS } from '../src/operator/settings.js'
import { LOG_FIELDS, LOG_MESSAGES } from '../src/plugins/log-line.js'
import { METRIC_DOCS } from '../src/plugins/metrics.js'
import { OUTCOMES, type ReasonRow, reasons, rowOf, sectionsOf, stepNamesOf } from '../src/reasons.js'
import {
  anchorsOf,
  commentsOf,
  files,
  inlineCodeOf,
  linksOf,
  pages,
  shellLinesOf,
  sources,
  table,
  tableFor,
} from './fixtures/pages.js'

t.test('the settings table says what env.ts reads: names, defaults and meanings', async (t) => {
  const expected = Object.values(SETTINGS).map((setting) => [
    `\`${setting.name}\``,
    'required' in setting ? 'required' : setting.default === undefined ? '–' : `\`${setting.default}\``,
    setting.doc,
  ])
  t.strictSame(tableFor('settings', expected), expected)
})

t.test('the error table says what errors.ts has: codes, statuses and public texts', async (t) => {
  const expected = ERRORS.map(({ code, statusCode, message }) => [`\`${code}\``, String(statusCode), message])
  t.strictSame(tableFor('errors', expected), expected)
  for (const [code, , , help] of table('errors')) t.ok(help, `${code} says what it means and what to do`)
  t.equal(new Set(ERRORS.map(({ code }) => code)).size, ERRORS.length, 'codes are unique')
})

t.test('the log field table is the allow-list', async (t) => {
  const expected = Object.entries(LOG_FIELDS).map(([name, meaning]) => [`\`${name}\``, meaning])
  t.strictSame(tableFor('log fields', expected), expected)
})

t.test('the table of log messages is the allow-list', async (t) => {
  const expected = Object.entries(LOG_MESSAGES).map(([message, meaning]) => [`\`${message}\``, meaning])
  t.strictSame(tableFor('log messages', expected), expected)
})

t.test('the table of metrics says what the container counts: names, labels and meanings', async (t) => {
  const expected = Object.entries(METRIC_DOCS).map(([name, { labels, help }]) => [
    `\`${name}\``,
    labels.length === 0 ? '–' : labels.map((label) => `\`${label}\``).join(', '),
    help,
  ])
  t.strictSame(table('metrics'), expected)
})

/** A command stands as code, and what no command does as a sentence. */
function helpOf({ means, fix }: ReasonRow): string {
  if (fix === undefined) return means
  return `${means} ${/^corbado-gateway /.test(fix) ? `\`${fix}\`` : `${fix.charAt(0).toUpperCase()}${fix.slice(1)}.`}`
}

t.test('the tables of reasons are the catalogue', async (t) => {
  const rowsIn = (section: string) =>
    reasons
      .filter((reason) => sectionsOf(reason).some((one) => one === section))
      .map((reason) => ({ reason, ...rowOf(reason) }))
  for (const section of ['verify reasons', 'other reasons', 'faults and refusals']) {
    const expected = rowsIn(section).map((row) => [
      `\`${row.reason}\``,
      ...(section === 'verify reasons' ? [] : [stepNamesOf(row.reason).join(', ')]),
      row.owner,
      helpOf(row),
    ])
    t.ok(expected.length > 10)
    t.strictSame(tableFor(section, expected), expected, section)
  }
  const alike = reasons.flatMap((reason) =>
    (rowOf(reason).alike ?? []).map(({ what, tell }) => [`\`${reason}\``, what, tell]),
  )
  t.strictSame(tableFor('look-alikes', alike), alike)
  const { outcome } = LOG_FIELDS
  t.equal(outcome, `what the answer says: ${OUTCOMES.map((one) => `\`${one}\``).join(', ')}`)
})

t.test("the table of checks is the doctor's", async (t) => {
  const expected = Object.entries(CHECK_DOCS).map(([check, doc]) => [`\`${check}\``, doc])
  t.strictSame(tableFor('checks', expected), expected)
})

t.test("the table of the operator's settings says what the commands read", async (t) => {
  const expected = Object.values(OPERATOR_SETTINGS).map(({ name, doc }) => [`\`${name}\``, doc])
  t.strictSame(tableFor('operator settings', expected), expected)
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

t.test('the table of the rights on call is what they add in the embedded stack', async (t) => {
  const on = (resource: string): string => {
    if (resource === '*') return 'everything: it knows no resource'
    if (resource.endsWith(`:parameter${PSEUDONYM_KEY_PARAMETER}`)) return 'the one parameter `PSEUDONYM_KEY_PARAMETER`'
    return "the gateway's log groups, `LOG_GROUPS`"
  }
  const expected = onCallPolicy.Statement.map(({ Action, Resource = '' }) => {
    return [
      [Action]
        .flat()
        .map((action) => `\`${action}\``)
        .join(', '),
      on(String(Resource)),
    ]
  })
  t.strictSame(table('on-call rights'), expected)
})

/** Every command that does something by itself, with its arguments. */
function usages(command: Command, path: string): string[] {
  const args = command.registeredArguments.map((one) => {
    const name = `${one.name()}${one.variadic ? '...' : ''}`
    return one.required ? ` <${name}>` : ` [${name}]`
  })
  const own = command.commands.length === 0 || args.length > 0 ? [`${path}${args.join('')}`] : []
  return [...own, ...command.commands.flatMap((child) => usages(child, `${path} ${child.name()}`))]
}

const silent = { write: () => true }
const io = { stdin: process.stdin, stdout: silent, stderr: silent, env: {}, built: 'dist', clock: systemClock }
const program = createProgram({ ...io, foundProblems: () => {} })

t.test('the table of commands has one row for each command of the program, and no other', async (t) => {
  t.strictSame(
    table('commands').map(([usage]) => usage),
    usages(program, 'corbado-gateway').map((usage) => `\`${usage}\``),
  )
  for (const [usage, does] of table('commands')) t.ok(does, `${usage} says what it does`)
})

t.test('every group of commands has a row in README.md', async (t) => {
  for (const { name } of program.commands.map((command) => ({ name: command.name() }))) {
    t.match(README, `| \`corbado-gateway ${name}\` |`)
  }
})

const README = pages.get('README.md') ?? ''

t.test('README.md has the two commands of the set-up, and the first pages stay short', async (t) => {
  t.match(README, '\nnpm ci && npm start\n')
  t.match(README, '\nnpm ci && npm test\n')
  for (const path of ['README.md', 'infra/README.md']) {
    t.ok((pages.get(path) ?? '').split('\n').length <= 151, `${path} has 150 lines at most`)
  }
})

t.test('README.md says which licence package.json names', async (t) => {
  const { license } = JSON.parse(readFileSync('package.json', 'utf8')) as { license: string }
  t.match(README, `"license": "${license}"`)
  if (license === 'UNLICENSED') t.notOk(files.includes('LICENSE'))
})

t.test('README.md leads to every page', async (t) => {
  const reached = new Set(['README.md'])
  for (const path of reached) {
    for (const { to } of linksOf(path, pages.get(path) ?? '')) {
      for (const page of [to, `${to}/README.md`]) if (pages.has(page)) reached.add(page)
    }
  }
  t.strictSame(
    [...pages.keys()].filter((path) => !reached.has(path)),
    [],
  )
})

/** The titles that a test file gives, as its source has them. */
function titlesIn(path: string): string[] {
  const title = /\.test\(\s*(`[^`]*`|'(?:[^'\\]|\\.)*'|"[^"]*")/g
  return [...(sources.get(path) ?? '').matchAll(title)].map(([, quoted = '']) => quoted.slice(1, -1))
}

/** Has a test file this title? `…` stands for values that a title is made from. */
function isTitled(path: string, cited: string): boolean {
  const parts = cited.split('…').map((part) => part.trim())
  return titlesIn(path).some((title) => parts.every((part) => title.includes(part)))
}

t.test('each report from the field names a test that is there', async (t) => {
  const rows = table('field runtime')
  t.ok(rows.length > 35)
  const operators = table('field operator').map(([, ...cells]) => cells)
  t.strictSame(
    [...rows, ...operators].filter(([, path = '', title = '']) => !isTitled(path.replaceAll('`', ''), title)),
    [],
  )
})

/** The operator's report has so many rows. */
const OPERATOR_ROWS = 27

t.test("every row of the operator's report is held by a test", async (t) => {
  const numbers = table('field operator').map(([number]) => Number(number))
  t.strictSame(
    [...new Set(numbers)],
    Array.from({ length: OPERATOR_ROWS }, (_, index) => index + 1),
  )
})

t.test('every link and anchor leads somewhere', async (t) => {
  const folders = new Set(
    files.flatMap((path) => path.split('/').map((_, depth, all) => all.slice(0, depth).join('/'))),
  )
  const links = [...pages].flatMap(([path, page]) => linksOf(path, page).map((link) => ({ path, ...link })))
  t.ok(links.length > 60)
  const broken = links.filter(({ to, anchor }) => {
    if (!files.includes(to) && !folders.has(to)) return true
    return anchor !== undefined && !anchorsOf(pages.get(to) ?? '').includes(anchor)
  })
  t.strictSame(broken, [])
})

/** What each page has in backticks, and what the comments of each file say. */
const citations = [
  ...[...pages].map(([path, page]) => ({ path, words: inlineCodeOf(page).join('\n') })),
  ...[...sources].map(([path, text]) => ({ path, words: commentsOf(path, text).join('\n') })),
]

t.test('no page and no comment cites a file that is not in the repository', async (t) => {
  const isThere = (cited: string) => files.some((path) => path === cited || path.endsWith(`/${cited}`))
  const cited = citations.flatMap(({ path, words }) =>
    [...words.matchAll(/(?<![\w./*<>@-])[\w-][\w./-]*\.(?:md|ts)\b(?!\.)/g)].map(([name]) => ({ path, name })),
  )
  t.ok(cited.length > 20)
  // A command writes it; it is not kept in the repository.
  const written = /\.hand-over\.md$/
  t.strictSame(
    cited.filter(({ name }) => !written.test(name) && !isThere(name)),
    [],
  )
})

t.test(
  'no page and no comment cites a section by a number, which only its readers at the time could look up',
  async (t) => {
    t.strictSame(
      citations.filter(({ words }) => /§|\b[A-Z]{5,} \d+(\.\d+)?\b/.test(words)).map(({ path }) => path),
      [],
    )
  },
)

t.test('every fact that is cited is in FACTS.md, and every fact there is cited', async (t) => {
  const FACTS = 'src/FACTS.md'
  const entries = [...(pages.get(FACTS) ?? '').matchAll(/^- \*\*([AC]\d+)\*\* ([\s\S]*?)(?=\n- \*\*|\n\n|\n$)/gm)]
  const known = entries.map(([, id = '']) => id)
  t.equal(new Set(known).size, known.length, 'ids are unique')
  for (const [, id, text = ''] of entries) {
    t.match(text, /\.\s+\*(Documented|API model|Observed|Inferred|Unknown)\b[^*]*\*/, `${id} says how sure it is`)
    t.match(text, /\]\(https:\/\//, `${id} has a source`)
  }
  const cited = new Set<string>()
  for (const [path, text] of [...pages, ...sources]) {
    if (path === FACTS || path === 'test/docs.test.ts') continue
    for (const [, ids = ''] of text.matchAll(/\bfacts? ([AC]\d+(?:(?:, | and )[AC]\d+)*)/gi)) {
      for (const id of ids.split(/, | and /)) {
        cited.add(id)
        if (!known.includes(id)) t.fail(`${path} cites ${id}`)
      }
    }
  }
  t.strictSame(
    known.filter((id) => !cited.has(id)),
    [],
    'cited by none',
  )
})

/** The words of the command lines in a line of a shell, without what one passes on to another. */
function commandLinesOf(line: string): string[][] {
  return line
    .replace(/(?<=^|\s)#.*$/, '')
    .split(/\s*(?:&&|\|\||[|;])\s*/)
    .map((part) => part.match(/"[^"]*"|'[^']*'|[^\s"']+/g) ?? [])
    .map((words) => words.slice(words.findIndex((word) => !/^[A-Z_]+=/.test(word))))
}

/** What is wrong with the words after `corbado-gateway`, as far as names and options go. */
function faultOf(words: readonly string[]): string | undefined {
  let command: Command = program
  for (const word of words) {
    if (word.startsWith('-')) {
      const [name = ''] = word.split('=')
      const known = command.options.flatMap(({ long, short }) => [long, short])
      if (name !== '--help' && !known.includes(name)) return `${command.name()} has no option ${name}`
    } else {
      const next: Command | undefined = command.commands.find((child) => child.name() === word)
      if (next) command = next
      else if (command.commands.length > 0 && command.registeredArguments.length === 0) return `no command ${word}`
    }
  }
  return undefined
}

t.test('every command and option of corbado-gateway that a page shows exists', async (t) => {
  const groups = program.commands.filter((command) => command.commands.length > 0).map((command) => command.name())
  const seen = new Set<string>()
  for (const [path, page] of pages) {
    const written = [...shellLinesOf(page), ...inlineCodeOf(page)].flatMap(commandLinesOf)
    for (const [first = '', ...rest] of written) {
      const isShort = groups.includes(first) && /^[a-z][a-z-]+$/.test(rest[0] ?? '')
      if (first !== 'corbado-gateway' && !isShort) continue
      const words = isShort ? [first, ...rest] : rest
      seen.add(words.join(' '))
      const fault = faultOf(words)
      if (fault !== undefined) t.fail(`${path}: ${first} ${rest.join(' ')}: ${fault}`)
    }
  }
  t.ok(seen.size > 40)
})

t.test('every npm script that a page names exists, in the root or in the package of the page', async (t) => {
  const scriptsOf = (path: string) => {
    return Object.keys((JSON.parse(readFileSync(path, 'utf8')) as { scripts: Record<string, string> }).scripts)
  }
  const root = scriptsOf('package.json')
  const infra = scriptsOf('infra/package.json')
  const named = [...pages].flatMap(([path, page]) =>
    [...page.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => ({ path, name })),
  )
  t.ok(named.length > 10)
  const known = ({ path, name }: (typeof named)[number]) =>
    root.includes(name) || (path.startsWith('infra/') && infra.includes(name))
  t.strictSame(
    named.filter((one) => !known(one)),
    [],
  )
})
