import { PassThrough, Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { systemClock } from '../../src/call.js'
import { askHidden, askLine, askYes, createAsker } from '../../src/terminal/ask.js'
import { cleanOutput } from '../../src/terminal/io.js'
import { createProgress } from '../../src/terminal/progress.js'

const ESCAPE = '\u001b'
const CTRL_C = '\u0003'
const CTRL_D = '\u0004'
const BACKSPACE = '\u007f'

/** A terminal that types some keys at once, then as told; remembers whether keys came unechoed. */
function terminal(typed: string, env: Record<string, string> = {}) {
  const modes: boolean[] = []
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (raw: boolean) => modes.push(raw) })
  if (typed !== '') stdin.write(typed)
  const printed = { stdout: '', stderr: '' }
  const output = (name: keyof typeof printed) => ({
    isTTY: true,
    columns: 80,
    write: (text: string) => {
      printed[name] += text
    },
  })
  const io = { stdin, stdout: output('stdout'), stderr: output('stderr'), env, clock: systemClock, built: 'dist' }
  return { io, printed, modes }
}

const PLAIN = [{ TERM: 'dumb' }, { NO_COLOR: '1' }]

t.test('a question goes to stderr, and the line that is typed is the answer', async (t) => {
  for (const env of [{}, ...PLAIN]) {
    const { io, printed } = terminal('  Acme Shop \n', env)
    t.equal(await askLine('name: ', io), 'Acme Shop')
    t.match(printed, { stdout: '', stderr: /name: / })
    t.equal(printed.stderr.includes(ESCAPE), Object.keys(env).length === 0, 'escapes only where they are wanted')
  }
  const { io } = terminal(`Acmx${BACKSPACE}e\r`)
  t.equal(await askLine('name: ', io), 'Acme', 'a typo can be taken back')
})

t.test('only a yes is a yes', async (t) => {
  for (const yes of ['y\n', 'Y\r', 'yes\n', ' YES \n']) t.ok(await askYes('Write it?', terminal(yes).io), yes)
  for (const no of ['\n', 'n\n', 'yesterday\n', 'ja\n']) t.notOk(await askYes('Write it?', terminal(no).io), no)
})

t.test('lines that were typed before their question are kept for it', async (t) => {
  for (const env of [{}, ...PLAIN]) {
    const asker = createAsker(terminal('one\ntwo\nthree\n', env).io)
    for (const expected of ['one', 'two', 'three']) t.equal(await asker.ask('? '), expected)
    asker.close()
  }
})

t.test('Ctrl-C, Ctrl-D and an input that ends are no answer', async (t) => {
  const listeners = process.listenerCount('SIGINT')
  const ended = 'the input ended without an answer: nothing was written'
  const cases: [string, string][] = [
    [CTRL_C, 'broken off: nothing was written'],
    [`half a name${CTRL_C}`, 'broken off: nothing was written'],
    [CTRL_D, ended],
  ]
  for (const [keys, message] of cases) {
    await t.rejects(askLine('name: ', terminal(keys).io), { message })
    await t.rejects(askHidden('secret: ', terminal(keys).io), { message })
  }
  const { io } = terminal('')
  await t.rejects(askLine('name: ', { ...io, stdin: Readable.from([]) }), { message: ended })
  const asker = createAsker(terminal('one\n').io)
  await asker.ask('? ')
  const second = asker.ask('? ')
  process.emit('SIGINT')
  await t.rejects(second, { message: 'broken off: nothing was written' }, 'where Ctrl-C is a signal')
  asker.close()
  t.equal(process.listenerCount('SIGINT'), listeners, 'and nothing is left behind')
})

t.test('nothing of a hidden answer is shown, key by key or pasted, and the terminal is given back', async (t) => {
  const { io, printed, modes } = terminal('')
  const answer = askHidden('secret: ', io)
  for (const key of ['s', '3', 'x', BACKSPACE, 'c', 'r', '3', 't', '\r']) {
    io.stdin.write(key)
    await setImmediate()
  }
  t.equal(await answer, 's3cr3t')
  t.strictSame(printed, { stdout: '', stderr: 'secret: \n' })
  t.strictSame(modes, [true, false])
  const pasted = terminal(' s3cr3t \rrest', { NO_COLOR: '1' })
  t.equal(await askHidden('secret: ', pasted.io), ' s3cr3t ', 'as it was typed')
  t.strictSame(pasted.printed, { stdout: '', stderr: 'secret: \n' })
})

t.test('a hidden question is shown when nothing is echoed any more: an answer may come at once', async (t) => {
  const { io, printed, modes } = terminal('')
  const shownIn: (boolean | undefined)[] = []
  const write = (text: string) => {
    if (text.includes('secret: ')) shownIn.push(modes.at(-1))
    io.stdin.write('s3cr3t\r')
    printed.stderr += text
  }
  t.equal(await askHidden('secret: ', { ...io, stderr: { isTTY: true, write } }), 's3cr3t')
  t.strictSame(shownIn, [true])
})

t.test('a terminal that cannot hide what is typed is asked for no secret', async (t) => {
  const message = 'this terminal cannot hide what is typed: pipe the secret in'
  const { io, printed } = terminal('s3cr3t\n', { TERM: 'dumb' })
  await t.rejects(askHidden('secret: ', io), { message })
  const stdin = Object.assign(new PassThrough(), { isTTY: true })
  await t.rejects(askHidden('secret: ', { ...io, stdin, env: {} }), { message })
  t.equal(printed.stderr, '')
})

t.test('progress: a bar on a terminal, lines on a dumb one and in a pipe, and never an escape', async (t) => {
  const told = (env: Record<string, string>, isTTY: boolean) => {
    let text = ''
    const write = (more: string) => {
      text += more
    }
    const progress = createProgress({ stderr: cleanOutput({ isTTY, write }), env }, 1_000)
    for (let i = 0; i < 1_000; i++) progress.step()
    progress.end()
    return text
  }
  for (const env of [{}, { NO_COLOR: '1' }]) {
    const bar = told(env, true)
    t.match(bar, /\r█{30} 1000 of 1000 written\r +\r$/)
    t.notMatch(bar, ESCAPE)
    t.notMatch(bar, '\n')
  }
  t.equal(told({ TERM: 'dumb' }, true), '500 of 1000 written\n1000 of 1000 written\n')
  t.equal(told({}, false), '500 of 1000 written\n1000 of 1000 written\n')
})
