import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { readTextFile, replaceFile, writeNewFile } from '../../src/terminal/file.js'

const KIB = 1024
const unreadable = (why: string) => ({ kind: 'unreadable', why })

t.test('a pipe, a device, a folder, a socket and a loop of links are refused at once, with the cause', async (t) => {
  // The name of a socket is short.
  const dir = mkdtempSync(join(tmpdir(), 'file-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  mkdirSync(join(dir, 'folder'))
  const at = (name: string) => join(dir, name)
  execFileSync('mkfifo', [at('pipe')])
  symlinkSync('loop', at('loop'))
  symlinkSync('pipe', at('link-to-pipe'))
  const server = createServer().listen(at('socket'))
  t.teardown(() => server.close())
  const notRegular = unreadable('cannot be read: it is no regular file')
  for (const name of ['pipe', 'link-to-pipe', 'socket'])
    t.strictSame(await readTextFile(at(name), KIB), notRegular, name)
  for (const device of ['/dev/zero', '/dev/null']) t.strictSame(await readTextFile(device, KIB), notRegular, device)
  t.strictSame(await readTextFile(at('folder'), KIB), unreadable('cannot be read: it is a folder'))
  t.strictSame(
    await readTextFile(at('loop'), KIB),
    unreadable('cannot be read: it is a symbolic link that leads to itself'),
  )
  t.strictSame(await readTextFile(at('nothing'), KIB), { kind: 'absent', why: 'cannot be read (ENOENT)' })
})

t.test('no more is read than may be, whatever size the system tells', async (t) => {
  const dir = t.testdir({ small: 'ä', full: 'x'.repeat(KIB), over: 'x'.repeat(KIB + 1), bytes: Buffer.from([0xff]) })
  t.strictSame(await readTextFile(join(dir, 'small'), KIB), { kind: 'text', text: 'ä' })
  t.strictSame(await readTextFile(join(dir, 'full'), KIB), { kind: 'text', text: 'x'.repeat(KIB) })
  const over = unreadable('must not be larger than 1 KiB')
  t.strictSame(await readTextFile(join(dir, 'over'), KIB), over)
  t.strictSame(await readTextFile(join(dir, 'bytes'), KIB), unreadable('must be UTF-8 text'))
  writeFileSync(join(dir, 'huge'), '')
  truncateSync(join(dir, 'huge'), 1024 ** 4)
  t.strictSame(await readTextFile(join(dir, 'huge'), KIB), over, 'a terabyte of nothing')
  t.strictSame(await readTextFile('/proc/kallsyms', KIB), over, 'a file that tells no size')
})

t.test('a new file is written whole or not at all, and never over another', async (t) => {
  const file = join(t.testdir({ old: 'as it was' }), 'new')
  async function* torn() {
    yield 'half of it'
    throw new Error('no space left on device')
  }
  await t.rejects(writeNewFile(file, torn()), { message: 'no space left on device' })
  t.notOk(existsSync(file), 'nothing half-written stays')
  await writeNewFile(file, 'whole', 0o600)
  t.equal(readFileSync(file, 'utf8'), 'whole')
  t.equal(statSync(file).mode & 0o777, 0o600)
  const old = join(file, '..', 'old')
  await t.rejects(writeNewFile(old, 'other'), { code: 'EEXIST' })
  t.equal(readFileSync(old, 'utf8'), 'as it was')
})

t.test(
  'a file is replaced whole or stays as it was: a full disk cuts nothing off, and a link stays a link',
  async (t) => {
    const dir = t.testdir({ old: 'as it was', link: t.fixture('symlink', 'old') })
    const [old, link] = [join(dir, 'old'), join(dir, 'link')]
    chmodSync(old, 0o640)
    async function* torn() {
      yield 'half of it'
      throw new Error('no space left on device')
    }
    await t.rejects(replaceFile(old, torn()), { message: 'no space left on device' })
    t.equal(readFileSync(old, 'utf8'), 'as it was')
    await replaceFile(link, 'other')
    t.equal(readFileSync(old, 'utf8'), 'other')
    t.ok(lstatSync(link).isSymbolicLink())
    t.equal(statSync(old).mode & 0o777, 0o640)
    await replaceFile(join(dir, 'new'), 'made', 0o600)
    t.equal(statSync(join(dir, 'new')).mode & 0o777, 0o600)
    t.strictSame(readdirSync(dir).sort(), ['link', 'new', 'old'], 'nothing half-written stays')
  },
)
