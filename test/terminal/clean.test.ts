import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import t from 'tap'
import { parse } from 'yaml'
import { yamlText } from '../../src/operator/files/yaml.js'
import { hclText } from '../../src/operator/role/terraform.js'
import { cleaned, inLine, isObeyed, own } from '../../src/terminal/clean.js'
import { cleanOutput, createPaint, writeJson } from '../../src/terminal/io.js'
import { shellWord, textTable } from '../../src/terminal/text.js'

const between = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i)
/** What a terminal may obey: C0, DEL and C1, bidi controls, separators, characters of no width. */
const OBEYED = [
  ...between(0, 8),
  ...between(11, 31),
  ...between(0x7f, 0x9f),
  ...[0x61c, 0x200b, 0x200e, 0x200f, 0x2028, 0x2029, 0x2060, 0xfeff],
  ...between(0x202a, 0x202e),
  ...between(0x2066, 0x2069),
].map((code) => String.fromCharCode(code))
const OURS = new RegExp(`[${OBEYED.map((one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}]`)

const hostile = fc
  .array(
    fc.oneof(fc.constantFrom(...OBEYED), fc.constantFrom('\n', '\t', '"', "'", '\\', '${', '%{', 'ä', '語', 'x')),
    {
      maxLength: 12,
    },
  )
  .map((parts) => parts.join(''))

/** What is written to an output of the command line. */
function written(write: (output: ReturnType<typeof cleanOutput>) => void, isTTY = false): string {
  let text = ''
  write(
    cleanOutput({
      isTTY,
      write: (more) => {
        text += more
      },
    }),
  )
  return text
}

t.test('no control, bidi or separator character reaches the terminal, and each can be seen', async (t) => {
  for (const character of OBEYED) {
    const code = character.charCodeAt(0).toString(16).padStart(4, '0')
    t.equal(cleaned(`a${character}b`), `a\\u${code}b`)
    t.ok(isObeyed(character), code)
  }
  t.equal(cleaned('a\n\tb äöü 語 👩‍👩‍👧'), 'a\n\tb äöü 語 👩‍👩‍👧', 'what people write stays')
  fc.assert(fc.property(hostile, (text) => !OURS.test(cleaned(text)) && !/[\n\t]/.test(inLine(text))))
})

t.test('colours of our own work, and no text by others can have or forge them', async (t) => {
  const paint = createPaint({ isTTY: true, write: () => true }, {})
  const forged = `\u001b[32mok\u001b[39m ${own('x').slice(0, -1)}\u001b[2J`
  const shown = written((output) => output.write(`${paint('red', `no ${forged}`)} ${forged}\n`), true)
  t.equal(
    shown,
    '\u001b[31mno \\u001b[32mok\\u001b[39m \\u001b[2J\u001b[39m \\u001b[32mok\\u001b[39m \\u001b[2J\n',
    'the two codes of ours, and nothing else',
  )
})

t.test('no value makes a table row of its own', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(hostile, hostile, (first, second) => {
        const table = textTable(
          ['a', 'b'],
          [
            [first, 'x'],
            [second, 'y'],
          ],
          { isTTY: true, columns: 40 },
        )
        return (
          !OURS.test(table) &&
          textTable(
            ['a', 'b'],
            [
              [first, 'x'],
              [second, 'y'],
            ],
          ).split('\n').length === 4
        )
      }),
    ),
  )
})

t.test('JSON that goes out is read as what it was, and holds nothing that a terminal obeys', async (t) => {
  fc.assert(
    fc.property(fc.dictionary(hostile, fc.oneof(hostile, fc.array(hostile))), (value) => {
      const text = written((output) => writeJson(output, value))
      t.strictSame(JSON.parse(text), JSON.parse(JSON.stringify(value)))
      return !OURS.test(text)
    }),
  )
})

t.test('YAML that goes out is read as what it was, and no value begins a line', async (t) => {
  const read = (text: string) => parse(text, { schema: 'core' })
  fc.assert(
    fc.property(fc.dictionary(hostile, hostile, { maxKeys: 3 }), (value) => {
      const text = written((output) => output.write(yamlText({ LambdaConfig: value })))
      t.strictSame(read(text), JSON.parse(JSON.stringify({ LambdaConfig: value })))
      return !OURS.test(text) && text.split('\n').length <= Object.keys(value).length * 2 + 2
    }),
  )
})

/** A quoted text as HCL reads it (the specification of its template expressions); undefined if it is no text alone. */
function readHcl(quoted: string): string | undefined {
  if (!/^"(?:[^"\\\n]|\\.)*"$/.test(quoted)) return undefined
  const inner = quoted.slice(1, -1)
  const escapes: Record<string, string> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' }
  let text = ''
  for (let at = 0; at < inner.length; ) {
    const [whole, literal, pair, unicode, single] =
      /^([$%]{2}\{)|^\\([nrt"\\])|^\\u([\da-f]{4})|^([^\\])/.exec(inner.slice(at)) ?? []
    if (whole === undefined || /^[$%]\{/.test(inner.slice(at))) return undefined
    at += whole.length
    text +=
      literal?.slice(1) ??
      (pair && escapes[pair]) ??
      (unicode ? String.fromCharCode(Number.parseInt(unicode, 16)) : single)
  }
  return text
}

t.test('no text begins an expression in Terraform, and each is read as what it was', async (t) => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: that of HCL
  t.equal(hclText('${file("/etc/passwd")} %{ if true } $x'), '"$${file(\\"/etc/passwd\\")} %%{ if true } $x"')
  t.equal(hclText('\b\f\u0000'), '"\\u0008\\u000c\\u0000"', 'HCL knows fewer escapes than JSON')
  fc.assert(
    fc.property(hostile, (text) => {
      t.equal(readHcl(written((output) => output.write(hclText(text)))), text)
      return true
    }),
  )
})

t.test('a printed shell word is one word on one line, and a shell reads it as what it was', async (t) => {
  const words = fc.sample(hostile, 200).map((text) => text.replaceAll('\0', ''))
  const lines = words.map((word) => written((output) => output.write(shellWord(word))))
  for (const line of lines) t.notMatch(line, /[\n\t]/)
  const read = execFileSync('bash', ['-c', `printf '%s\\0' ${lines.join(' ')}`], {
    encoding: 'utf8',
    env: { LC_ALL: 'C.UTF-8', PATH: process.env.PATH },
  })
  t.strictSame(read.split('\0').slice(0, -1), words)
})
