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

const LEAVES = ['env.ts', 'ids.ts', 'errors.ts', 'call.ts']

/** The room of a file: its folder under src, or what it is at the top level. */
function roomOf(file: string): string {
  const [first = '', ...rest] = relative(SRC, file).split('/')
  if (rest.length > 0) return first
  if (LEAVES.includes(first)) return 'leaves'
  return first.replace('.ts', '')
}

/** Who may import what: a room, or one file of it; `type` where only its types. */
const allowed: Record<string, readonly string[]> = {
  // A door makes the logger, so that tests can bring their own destination.
  lambda: ['app', 'leaves', 'upstreams/index.ts', 'invocation', 'plugins/logger.ts'],
  // Only the container sheds load and has metrics; the Lambda bundle must not carry them.
  server: [
    'app',
    'leaves',
    'upstreams/index.ts',
    'plugins/logger.ts',
    'plugins/load-shedding.ts',
    'plugins/metrics.ts',
  ],
  cli: ['leaves', 'upstreams/index.ts', 'operator', 'local', 'in-process'],
  // The app as `invoke` runs it; the command line's door hands it in, so that operator needs not know the app.
  'in-process': ['app', 'invocation', 'plugins/logger.ts', 'type operator/invoke-app.ts'],
  app: ['plugins', 'routes', 'tenant', 'leaves', 'type upstreams/index.ts'],
  invocation: ['type plugins', 'triggers/index.ts', 'leaves'],
  plugins: ['plugins', 'tenant', 'leaves'],
  routes: ['triggers', 'actions', 'tenant/context.ts', 'leaves'],
  triggers: ['triggers', 'type tenant/context.ts', 'leaves'],
  actions: ['actions', 'type tenant/context.ts', 'leaves'],
  tenant: ['tenant', 'upstreams', 'leaves'],
  upstreams: ['leaves'],
  operator: ['operator', 'tenant', 'upstreams', 'triggers', 'leaves'],
  local: ['local', 'operator', 'type tenant/config.ts', 'leaves'],
  leaves: ['leaves'],
}

/** In upstreams only these know the counterparts, the second the operator's; each counterpart knows how AWS is called. */
const gathering = ['src/upstreams/index.ts', 'src/upstreams/operator.ts']
const exceptions = new Set(['src/upstreams/aws-call.ts'])

t.test('every import follows the house table', async (t) => {
  t.ok(own.length > 100, 'imports were found')
  for (const { from, to, typeOnly, specifier } of own) {
    const gathers = gathering.includes(from) && roomOf(to) === 'upstreams'
    if (gathers || exceptions.has(to)) continue
    const target = relative(SRC, to)
    const rules = allowed[roomOf(from)] ?? []
    const fits = [roomOf(to), target].some(
      (name) => rules.includes(name) || (typeOnly && rules.includes(`type ${name}`)),
    )
    t.ok(fits, `${from} must not import ${typeOnly ? 'types of ' : ''}${specifier}`)
  }
})

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
    if (!['lambda', 'server', 'cli', 'operator', 'local'].includes(room)) {
      t.notMatch(sources.get(file), /process\.env/, file)
    }
  }
})

t.test(
  'SDK clients are made in one place, and the operator’s own in another, which the service does not import',
  async (t) => {
    for (const file of files.filter((file) => roomOf(file) !== 'local' && !gathering.includes(file))) {
      t.notMatch(sources.get(file), /new \w+Client\(/, file)
    }
    const importers = own.filter(({ to, typeOnly }) => to === 'src/upstreams/operator.ts' && !typeOnly)
    for (const { from } of importers) t.equal(roomOf(from), 'operator', from)
  },
)

t.test('no room is a drawer', async (t) => {
  for (const file of files) t.notMatch(file, /\b(utils?|common|helpers?)\b/i)
  t.ok(files.filter((file) => roomOf(file) === 'leaves').length <= 4, 'the leaves stay few')
})

t.test('neither the embedded stack nor the command line is in the Lambda bundle', async (t) => {
  const meta = JSON.parse(readFileSync('dist/lambda.meta.json', 'utf8')) as { inputs: Record<string, unknown> }
  const inputs = Object.keys(meta.inputs)
  t.ok(inputs.includes('src/lambda.ts'))
  t.strictSame(
    inputs.filter((name) =>
      /^src\/(local|operator|cli|upstreams\/operator)|dynalite|commander|client-lambda|amazon-cognito-identity-js|client-cloudformation/.test(
        name,
      ),
    ),
    [],
  )
})
