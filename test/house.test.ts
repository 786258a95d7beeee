import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import t from 'tap'

const SRC = 'src'

interface Import {
  readonly from: string
  readonly specifier: string
  readonly typeOnly: boolean
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
  .map((name) => join(SRC, name))

const sources = new Map(files.map((file) => [file, readFileSync(file, 'utf8')]))

const statement = /^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|import\('([^']+)'\)/gm

function importsOf(file: string): Import[] {
  return [...(sources.get(file) ?? '').matchAll(statement)].map(([, type, fixed, dynamic]) => ({
    from: file,
    specifier: fixed ?? dynamic ?? '',
    typeOnly: type !== undefined,
  }))
}

const imports = files.flatMap(importsOf)
const own = imports
  .filter(({ specifier }) => specifier.startsWith('.'))
  .map((one) => ({ ...one, to: join(dirname(one.from), one.specifier).replace(/\.js$/, '.ts') }))

const LEAVES = ['env.ts', 'ids.ts', 'errors.ts', 'call.ts', 'fields.ts']

/** The room of a file: its folder under src, or what it is at the top level. */
function roomOf(file: string): string {
  const [first = '', ...rest] = relative(SRC, file).split('/')
  if (rest.length > 0) return first
  if (LEAVES.includes(first)) return 'leaves'
  return first.replace('.ts', '')
}

/** The two that gather the upstreams: for the service, and for the operator. */
const gathering = ['src/upstreams/index.ts', 'src/upstreams/operator.ts']

t.test('no chain of imports comes back to where it began', async (t) => {
  const next = new Map<string, string[]>()
  for (const { from, to, typeOnly } of own) if (!typeOnly) next.set(from, [...(next.get(from) ?? []), to])
  const done = new Set<string>()
  function walk(file: string, path: readonly string[]): void {
    if (path.includes(file)) return void t.fail(`cycle: ${[...path, file].join(' → ')}`)
    if (done.has(file)) return
    for (const to of next.get(file) ?? []) walk(to, [...path, file])
    done.add(file)
  }
  for (const file of files) walk(file, [])
  t.equal(done.size, files.length)
})

t.test('the domain sees neither Fastify, an AWS SDK, undici nor pino, and does not read the clock', async (t) => {
  const domain = files.filter((file) => ['triggers', 'actions'].includes(roomOf(file)))
  t.ok(domain.length > 8)
  for (const file of domain) {
    for (const { specifier } of importsOf(file)) t.notMatch(specifier, /^(fastify|@fastify|@aws-sdk|undici|pino)/, file)
    t.notMatch(sources.get(file), /Date\.now|new Date\(|performance\.now|process\./, file)
  }
})

t.test('the tenant room does not see Fastify, and only doors and the command line read the environment', async (t) => {
  for (const file of files) {
    const room = roomOf(file)
    if (room === 'tenant') for (const { specifier } of importsOf(file)) t.notMatch(specifier, /fastify/, file)
    if (!['lambda', 'server', 'cli', 'operator', 'commands', 'terminal', 'local'].includes(room)) {
      t.notMatch(sources.get(file), /process\.env/, file)
    }
  }
})

t.test(
  'SDK clients are made in one place, and the operator’s own in another, which the service does not import',
  async (t) => {
    for (const file of files.filter(
      (file) => !['local', 'commands'].includes(roomOf(file)) && !gathering.includes(file),
    )) {
      t.notMatch(sources.get(file), /new \w+Client\(/, file)
    }
    const importers = own.filter(({ to, typeOnly }) => to === 'src/upstreams/operator.ts' && !typeOnly)
    for (const { from } of importers) t.match(roomOf(from), /^(operator|commands)$/, from)
  },
)

t.test('no room is a drawer', async (t) => {
  for (const file of files) t.notMatch(file, /\b(utils?|common|helpers?)\b/i)
  t.ok(files.filter((file) => roomOf(file) === 'leaves').length <= 5, 'the leaves stay few')
})

t.test('neither the embedded stack nor the command line is in the Lambda bundle', async (t) => {
  const meta = JSON.parse(readFileSync('dist/lambda.meta.json', 'utf8')) as { inputs: Record<string, unknown> }
  const inputs = Object.keys(meta.inputs)
  t.ok(inputs.includes('src/lambda.ts'))
  t.strictSame(
    inputs.filter((name) =>
      /^src\/(local|operator|commands|terminal|cli|upstreams\/operator)|dynalite|commander|client-lambda|amazon-cognito-identity-js|client-cloudformation/.test(
        name,
      ),
    ),
    [],
  )
})
