import { execFileSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import t from 'tap'

const { outputFiles } = await build({
  stdin: {
    contents: `
      import { writeFileSync } from 'node:fs'
      import { compiledName, loadProgram } from './src/compiled.ts'
      const [, file, write] = process.argv
      const program = loadProgram(file, process.execArgv)
      console.log(JSON.stringify({ cached: program.cached, answer: program.exports.answer }))
      if (write) writeFileSync(compiledName(file, process.execArgv), program.compiled())
      process.exit()`,
    resolveDir: '.',
  },
  ...{ bundle: true, write: false, platform: 'node', format: 'esm' },
})

/** Loads a program in a process of its own: within one, V8 remembers what it compiled before. */
function load(file: string, { flags = [], write = false }: { flags?: string[]; write?: boolean } = {}): unknown {
  const run = ['--input-type=module', '-e', outputFiles[0]?.text ?? '', file, ...(write ? ['write'] : [])]
  const env = { AWS_REGION: 'eu-central-1', TENANT_TABLE: 'tenants' }
  return JSON.parse(execFileSync(process.execPath, [...flags, ...run], { env, encoding: 'utf8' }))
}
const fileIn = (folder: string, end: string) =>
  join(folder, readdirSync(folder).find((name) => name.endsWith(end)) ?? '')

t.test('a program runs with what V8 compiled of it, and without it where it cannot be used', async (t) => {
  const folder = t.testdir({ 'program.cjs': 'exports.answer = require("node:path").basename("a/b")' })
  const file = join(folder, 'program.cjs')
  t.same(load(file, { write: true }), { cached: false, answer: 'b' })
  t.same(load(file), { cached: true, answer: 'b' })
  const compiled = fileIn(folder, '.bin')
  for (const bytes of [Buffer.alloc(0), Buffer.from('no compiled code'), Buffer.alloc(100_000)]) {
    writeFileSync(compiled, bytes)
    t.same(load(file), { cached: false, answer: 'b' }, `${bytes.length} bytes of something else`)
  }
})

t.test('the build brings it for this Node, as it is and with the flags that Lambda sets', async (t) => {
  const program = resolve(fileIn('dist/lambda', '.cjs'))
  t.match(load(program), { cached: true })
  // Of a function with 1,024 MB, as infra/config has them.
  for (const more of [[], ['--expose-gc']])
    t.match(load(program, { flags: [...more, '--max-old-space-size=921'] }), { cached: true }, `${more}`)
  t.match(load(program, { flags: ['--max-old-space-size=500'] }), { cached: false }, 'of another size')
})
