import type { Command } from 'commander'
import t from 'tap'
import { inlineCodeOf, pages, shellLinesOf, sources } from '../../fixtures/pages.js'
import { programOf } from './fixtures/leaves.js'

/** What sh, cmd.exe and PowerShell read alike: no quote, no escape, no variable, no list; a person puts in what is in < >. */
const PLAIN = /^(?!@$)(?:[\w@+=:./-]|<[\w-]+>|\[[\w-]+(?:\.\.\.)?\]|…|\|(?=\w))+$/
/** Between commands, and before or after a file. */
const JOINTS = new Set(['|', '>', '<'])

/** The words of a line of ours that not every shell reads alike; none if it is no line of ours. */
function oddWords(line: string): string[] {
  const [, before = '', typed] = /^(.*?)\b((?:corbado-gateway|npx @corbado\/cognito-gateway)\b.*)$/.exec(line) ?? []
  if (typed === undefined) return []
  const words = typed
    .replace(/\s+#.*$/, '')
    // What a pipe leads to is another program's.
    .replace(/\s\|\s(?!.*corbado-gateway).*$/, '')
    .split(/\s+/)
    .filter(Boolean)
  const odd = words.filter((word) => !PLAIN.test(word) && !JOINTS.has(word))
  return /[A-Z_]=\S*\s+$/.test(before) ? [before.trim(), ...odd] : odd
}

/** The lines of every help text that say how a command is typed, put together again. */
function examplesOf(command: Command): string[] {
  let help = ''
  command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
  const [, examples = ''] = /\nExamples?:\n((?: {2}.*\n?)+)/.exec(help) ?? []
  return [
    ...examples
      .replaceAll(/ \\\n\s*/g, ' ')
      .split('\n')
      .map((line) => line.trim()),
    ...command.commands.flatMap(examplesOf),
  ].filter(Boolean)
}

t.test('what only some shells read is found', async (t) => {
  for (const line of [
    'AWS_PROFILE=my-account corbado-gateway wire plan x',
    "corbado-gateway wire plan x --replace 'Slot=arn:aws'",
    'corbado-gateway local deploy-role "$(grep x y)"',
    'corbado-gateway tenants apply tenants\\acme',
    'npx @corbado/cognito-gateway@0.1.0 wire plan a,b',
    'corbado-gateway doctor $TENANT',
  ])
    t.not(oddWords(line).length, 0, line)
  for (const line of [
    'corbado-gateway invoke --example verify > event.json',
    'corbado-gateway secret set northwind < northwind.credential   # hidden',
    'npx @corbado/cognito-gateway@0.1.0 wire plan eu-central-1_A --replace Slot=arn:aws:lambda:a:1:function:f:t-1',
    'aws logs tail x | corbado-gateway logs',
    'corbado-gateway tenants pause <tenant>',
  ])
    t.strictSame(oddWords(line), [], line)
})

t.test('every example of every help is typed the same in sh, cmd.exe and PowerShell', async (t) => {
  const examples = examplesOf(programOf())
  t.ok(examples.length > 40)
  // What completes in bash is typed into bash.
  const others = examples.filter((line) => !line.startsWith('source <('))
  for (const line of others) t.strictSame(oddWords(line), [], line)
})

t.test('so is every command of ours in every page', async (t) => {
  let found = 0
  for (const [path, page] of pages) {
    for (const line of [...shellLinesOf(page), ...inlineCodeOf(page)]) {
      if (/corbado-gateway(-|\.|\/)|@corbado\/cognito-gateway`?$/.test(line) && !/\bcorbado-gateway /.test(line))
        continue
      found += /\bcorbado-gateway /.test(line) ? 1 : 0
      t.strictSame(oddWords(line), [], `${path}: ${line}`)
    }
  }
  t.ok(found > 100, String(found))
})

t.test('no text of the program sets a variable before a command, or quotes a word of one by itself', async (t) => {
  for (const [path, text] of sources) {
    if (!path.startsWith('src/')) continue
    t.notMatch(text, /[A-Z][A-Z_]+=\S+ (?:corbado-gateway|npx @corbado)/, path)
    t.notMatch(text, /(?:corbado-gateway|npx @corbado\/cognito-gateway)(?: [\w-]+)+ (?:--[\w-]+ )?['"]\$\{/, path)
  }
})
