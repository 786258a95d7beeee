import { execFileSync } from 'node:child_process'
import t from 'tap'
import { systemClock } from '../../src/call.js'
import { writeNote } from '../../src/terminal/io.js'
import { adviceAt, closestNames, shellWord, textAt, textTable } from '../../src/terminal/text.js'

const terminal = (columns?: number) => ({ isTTY: true, columns, write: () => true })
const names = ['version', 'by', 'changed']
const rows = [
  ['12', 'alice', 'corbado.projectId, login.maxAttempts, actions.preLogin.unknownUser, limits.verifyPerSecond'],
  ['2', '', 'added'],
]

t.test('a pipe gets a line a row, which two spaces in a row cut into its cells', async (t) => {
  const odd = [...rows, ['3', 'two  spaces', 'a\nb']]
  for (const output of [undefined, { isTTY: false }]) {
    const lines = textTable(names, odd, output).trimEnd().split('\n')
    t.strictSame(
      lines.map((line) => line.split(/ {2,}/)),
      [names, rows[0], ['2', '-', 'added'], ['3', 'two spaces', 'a b']],
    )
    t.ok(lines.every((line) => line === line.trimEnd()))
  }
})

t.test('a terminal gets lines that fit it: texts wrap between words, under their own column', async (t) => {
  t.equal(
    textTable(names, rows, terminal(50)),
    `version  by     changed
12       alice  corbado.projectId,
                login.maxAttempts,
                actions.preLogin.unknownUser,
                limits.verifyPerSecond
2        -      added
`,
  )
  t.equal(textTable(names, rows, terminal(200)), textTable(names, rows), 'a wide one as a pipe')
  for (const unknown of [undefined, 0]) {
    t.equal(textTable(names, rows, terminal(unknown)), textTable(names, rows, terminal(80)), `${unknown} as 80`)
  }
})

t.test('a text in a column of its own wraps on a terminal only, and goes on in that column', (t) => {
  const text = 'lets the pool in; then send the hand-over'
  t.equal(textAt(10, text, terminal(40)), 'lets the pool in; then send\n          the hand-over')
  t.equal(textAt(10, 'a b', terminal(40)), 'a b')
  t.equal(textAt(30, text, terminal(40)), text, 'too little room')
  for (const output of [undefined, { write: () => true, columns: 40 }]) t.equal(textAt(10, text, output), text)
  t.end()
})

t.test('a command in a text stays one line, which is copied as one', async (t) => {
  const command = 'corbado-gateway aliases grant acme-shop --yes'
  t.equal(adviceAt(6, `operator: ${command}`, terminal(40)), `operator:\n      ${command}`)
  t.equal(adviceAt(6, `operator: ${command}`), `operator: ${command}`)
  const two = 'see `aws configure list-profiles`, or sign in again'
  t.equal(adviceAt(0, two, terminal(36)), 'see `aws configure list-profiles`,\nor sign in again')
  t.equal(adviceAt(6, 'customer: give the role the trust', terminal(30)), 'customer: give the role\n      the trust')
})

t.test('a note wraps on a terminal, under its own text, and stays a line anywhere else', async (t) => {
  const told = (isTTY: boolean) => {
    let said = ''
    const stderr = { isTTY, columns: 40, write: (text: string) => (said += text) }
    const env = { NO_COLOR: '1' }
    const io = { stdin: process.stdin, stdout: stderr, stderr, env, clock: systemClock, built: 'dist' }
    writeNote(io, 'error', 'the pool is not there, or not in this region\nSee: corbado-gateway doctor --help')
    return said
  }
  t.equal(
    told(true),
    'error: the pool is not there, or not in\n       this region\n  See: corbado-gateway doctor --help\n',
  )
  t.equal(told(false), 'error: the pool is not there, or not in this region\n  See: corbado-gateway doctor --help\n')
})

t.test('columns that do not fit even so go on in a further line', async (t) => {
  const pool = 'eu-central-1_Ab12Cd34E'
  t.equal(
    textTable(['tenant', 'pool', 'status'], [['acme-shop', pool, 'passkeys-off']], terminal(40)),
    `tenant     pool
  status
acme-shop  ${pool}
  passkeys-off
`,
  )
})

t.test('no line is longer than the terminal and no word is broken, at any width', async (t) => {
  const words = new Set([...names, ...rows.flat()].flatMap((text) => (text || '-').split(' ')))
  for (let columns = 34; columns <= 130; columns++) {
    const lines = textTable(names, rows, terminal(columns)).trimEnd().split('\n')
    t.ok(
      lines.every((line) => line.length <= columns),
      `${columns} columns`,
    )
    t.strictSame(new Set(lines.flatMap((line) => line.trim().split(/ +/))), words)
  }
  const wide = textTable(['name', 'x'], [['日本語', 'y']], terminal())
  t.equal(wide, 'name    x\n日本語  y\n', 'characters of double width')
})

t.test('a shell reads a word as it is meant', async (t) => {
  const texts = ['plain-1.2/x:y@z', '', 'two words', "it's", '"$HOME"', '`id`', '*', '~', '-x', 'ä', '\\', '!']
  for (const text of texts) {
    t.equal(execFileSync('sh', ['-c', `printf %s ${shellWord(text)}`], { encoding: 'utf8' }), text)
  }
  t.equal(shellWord('eu-central-1_Ab12Cd34E'), 'eu-central-1_Ab12Cd34E', 'and is not quoted without need')
})

t.test('a word is the same in sh, cmd.exe and PowerShell wherever that is possible', async (t) => {
  for (const [word, posix, windows = posix] of [
    ['tenants', 'tenants'],
    ['DefineAuthChallenge=arn:aws:lambda:eu-central-1:999900000001:function:f:t-1', undefined],
    ['C:\\Users\\ada\\tenants', "'C:\\Users\\ada\\tenants'", 'C:/Users/ada/tenants'],
    ['..\\my tenants', "'..\\my tenants'", '"../my tenants"'],
    ['my tenants', '"my tenants"'],
    ['a,b', '"a,b"'],
    ['@a', '"@a"'],
    ["a(b)&c|d<e>f^g;h#i~j*k?l[m]{n}'o", '"a(b)&c|d<e>f^g;h#i~j*k?l[m]{n}\'o"'],
    ['100%', '100%'],
    ['$HOME', "'$HOME'"],
    ['', "''"],
  ] as const) {
    t.equal(shellWord(word, '/'), posix ?? word)
    t.equal(shellWord(word, '\\'), windows ?? word)
  }
})

t.test('the closest names come first, and only those that are close', async (t) => {
  const known = ['acme-shop', 'acme-shop-2', 'acme', 'globex-bank', 'initech']
  t.strictSame(closestNames(known, 'acme-shpo'), ['acme', 'acme-shop', 'acme-shop-2'])
  t.strictSame(closestNames(known, 'GLOBEX'), ['globex-bank'])
  t.strictSame(closestNames(known, 'umbrella'), [])
})
