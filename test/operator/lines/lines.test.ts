import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { parseLine } from '../../../src/operator/lines/line.js'
import { readLines } from '../../../src/operator/lines/read.js'
import { durationOf, spanText, timeOf } from '../../../src/operator/lines/when.js'

const LINE =
  '{"level":"info","time":"2026-11-30T02:10:00.000Z","tenantId":"acme","trigger":"define-auth-challenge","outcome":"challenge"}'
const ID = '8476a536-e9f4-11e8-9739-2dfe598c3fcd'

async function read(sources: readonly string[], stdin = Readable.from([]), counts = { lines: 0, tooLong: 0 }) {
  const lines: string[] = []
  for await (const some of readLines(sources, stdin, counts)) lines.push(...some)
  return { lines, counts }
}

t.test('a file that is missing, a folder and a gzip that ends too early are named, with the cause', async (t) => {
  const dir = t.testdir({ 'cut.gz': gzipSync('x'.repeat(100_000)).subarray(0, 60), folder: {} })
  await t.rejects(read([join(dir, 'none')]), { message: /none cannot be read \(ENOENT\)/ })
  await t.rejects(read([join(dir, 'folder')]), { message: /folder cannot be read: it is a folder/ })
  await t.rejects(read([join(dir, 'cut.gz')]), { message: /cut\.gz cannot be read to its end \(Z_BUF_ERROR\)/ })
})

t.test('lines are the same from a file, gzip and a pipe, wherever the pieces are cut', async (t) => {
  const texts = ['one', '', 'zwölf ✓', 'last without an end']
  const whole = texts.join('\n')
  const dir = t.testdir({})
  writeFileSync(join(dir, 'plain'), whole)
  writeFileSync(join(dir, 'packed'), gzipSync(whole))
  t.strictSame((await read([join(dir, 'plain'), join(dir, 'packed')])).lines, [...texts, ...texts])
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 9 }), async (size) => {
      const bytes = Buffer.from(whole)
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      )
      t.strictSame((await read(['-'], Readable.from(pieces))).lines, texts)
    }),
  )
})

t.test('a line without an end takes no memory: it is counted, and the next one is read', async (t) => {
  const piece = 'x'.repeat(500_000)
  const { lines, counts } = await read(['-'], Readable.from([`a\n${piece}`, piece, piece, piece, `${piece}\nb\n`]))
  t.strictSame(lines, ['a', 'b'])
  t.strictSame(counts.tooLong, 1)
})

t.test('a closing line is read bare, and behind what an export puts in front', async (t) => {
  for (const before of ['', '2026-11-30T02:10:00.000Z ', '2026-11-30T02:10:00 2026/11/30/[live]abc '])
    t.match(parseLine(before + LINE), {
      kind: 'line',
      step: 'define-auth-challenge',
      outcome: 'challenge',
      at: Date.UTC(2026, 10, 30, 2, 10),
    })
  t.match(parseLine(LINE.replace('"outcome"', '"door":"forwarder","outcome"')), { step: 'forwarder' })
})

t.test("Lambda's own lines tell of an invocation that has no closing line", async (t) => {
  t.match(parseLine(`START RequestId: ${ID} Version: 7`), { kind: 'lambda', what: 'start', requestId: ID })
  const report = `REPORT RequestId: ${ID}\tDuration: 5000.00 ms\tBilled Duration: 5000 ms\tMemory Size: 512 MB`
  t.match(parseLine(report), { what: 'report', failed: undefined })
  t.match(parseLine(`${report}\tStatus: timeout`), { what: 'report', failed: 'timeout' })
  t.match(parseLine(`${report} Status: error\tError Type: Runtime.OutOfMemory`), { failed: 'Runtime.OutOfMemory' })
  t.match(parseLine(`2026-11-30T02:10:05.123Z ${ID} Task timed out after 5.00 seconds`), {
    what: 'timeout',
    at: Date.UTC(2026, 10, 30, 2, 10, 5, 123),
  })
})

t.test('nothing that a log can hold makes the reader fail, and no foreign line is taken for ours', async (t) => {
  for (const text of ['', '{', '{}', '[]', '{"time":1}', 'null', '{"time":"2026-11-30","outcome":"won"}'])
    t.equal(parseLine(text), undefined, text)
  fc.assert(fc.property(fc.string(), (text) => parseLine(text) === undefined || t.fail(text)))
  fc.assert(
    fc.property(fc.json(), (text) => {
      parseLine(text)
    }),
  )
})

t.test('a time is a duration ago, the last such time of day, or ISO 8601', async (t) => {
  const now = Date.UTC(2026, 10, 30, 2, 30)
  t.equal(timeOf('15m', now, true), now - 900_000)
  t.equal(timeOf('1d2h', now, true), now - 26 * 3_600_000)
  t.equal(timeOf('02:10', now, true), Date.UTC(2026, 10, 30, 2, 10))
  t.equal(timeOf('02:40', now, true), Date.UTC(2026, 10, 29, 2, 40), 'not yet come today')
  t.equal(timeOf('2026-11-30T02:10Z', now, false), Date.UTC(2026, 10, 30, 2, 10))
  t.equal(timeOf('2026-11-30T03:10+01:00', now, false), Date.UTC(2026, 10, 30, 2, 10))
  t.equal(timeOf('2026-11-30T02:10', now, true), Date.UTC(2026, 10, 30, 2, 10))
  t.equal(timeOf('2026-11-30', now, true), Date.UTC(2026, 10, 30))
  for (const text of ['', 'yesterday', '25:00', '15', 'm', '1y', '2026-13-01', '02:10Z'])
    t.throws(() => timeOf(text, now, true), { message: /is no time: write 15m/ }, text)
})

t.test('a span is said as a person says it', async (t) => {
  t.strictSame(
    ['40s', '12m', '1h30m', '3h5m', '3d'].map((text) => spanText(durationOf(text) ?? 0)),
    ['40 s', '12 min', '1 h 30 min', '3 h 5 min', '3 d'],
  )
})
