import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import t from 'tap'

const SRC = 'src'
const FILES_A_FOLDER_MAX = 15

interface Import {
  /** Paths below src. */
  readonly from: string
  readonly to: string
  readonly typeOnly: boolean
  readonly lazy: boolean
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => /(?<!\.d)\.ts$/.test(name))
const sources = new Map(files.map((file) => [file, readFileSync(join(SRC, file), 'utf8')]))
const statement = /^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|import\('([^']+)'\)/gm

const specifiers = files.flatMap((from) =>
  [...(sources.get(from) ?? '').matchAll(statement)].map(([, type, fixed, lazy]) => ({
    from,
    specifier: fixed ?? lazy ?? '',
    typeOnly: type !== undefined,
    lazy: lazy !== undefined,
  })),
)
const imports = specifiers
  .filter(({ specifier }) => specifier.startsWith('.'))
  .map(({ specifier, ...one }): Import => {
    return { ...one, to: join(dirname(one.from), specifier).replace(/\.js$/, '.ts') }
  })

/** Files at the top that know nothing but each other; every room may import them. */
const LEAVES = ['env.ts', 'ids.ts', 'errors.ts', 'call.ts', 'fields.ts', 'reasons.ts', 'compiled.ts']

const BELOW_COMMANDS = ['operator', 'terminal', 'tenant/config.ts', 'tenant/config-rules.ts', 'upstreams/operator.ts']

/**
 * What a room may import in addition to the leaves and itself, by path: the longest that fits a file counts, and what it does not
 * name is refused. `type x` stands for types alone, `lazy x` for what is loaded when it is needed.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  // A door makes the logger, so that tests can bring their own destination.
  'lambda.ts': ['app.ts', 'upstreams/index.ts', 'invocation.ts', 'plugins/logger.ts'],
  // What Lambda loads: it loads the rest.
  'handler.ts': ['compiled.ts', 'type invocation.ts'],
  // Only the container sheds load and has metrics; the Lambda bundle must not carry them.
  'server.ts': ['app.ts', 'upstreams/index.ts', 'plugins/logger.ts', 'plugins/metrics.ts', 'plugins/server'],
  'cli.ts': ['commands/index.ts'],
  // A function of its own, beside the service: the Lambda bundle must not carry it.
  'watch.ts': ['operator/watch', 'upstreams/watch/index.ts'],
  // The app as `invoke` runs it.
  'in-process.ts': ['app.ts', 'invocation.ts', 'plugins/logger.ts', 'type upstreams/index.ts'],
  'app.ts': ['plugins', 'routes', 'tenant', 'type upstreams/index.ts'],
  'invocation.ts': ['type plugins', 'triggers/index.ts'],
  plugins: ['tenant', 'resilience'],
  routes: ['triggers', 'actions', 'tenant/context.ts'],
  triggers: ['type tenant/context.ts'],
  actions: ['type tenant/context.ts'],
  tenant: ['upstreams', 'resilience'],
  // Each dependency alone; these two gather them, for the service and for the operator.
  upstreams: ['upstreams/aws-call.ts', 'upstreams/connections'],
  'upstreams/user-pool-settings.ts': ['upstreams/aws-call.ts', 'upstreams/connections'],
  'upstreams/index.ts': ['upstreams'],
  'upstreams/operator.ts': ['upstreams'],
  'upstreams/watch': ['upstreams'],
  resilience: [],
  terminal: [],
  operator: ['operator', 'terminal', 'tenant', 'upstreams', 'type triggers'],
  // A line's fields have one list.
  'operator/lines': ['terminal', 'plugins/log-line.ts', 'type upstreams'],
  'operator/causes': ['operator/lines'],
  // What reads lines for it says what cannot be read.
  'operator/causes/examine.ts': ['operator/causes', 'operator/lines', 'terminal'],
  commands: ['commands/options.ts', ...BELOW_COMMANDS],
  'commands/index.ts': ['commands', 'terminal'],
  'commands/options.ts': BELOW_COMMANDS,
  'commands/invoke': ['commands/options.ts', ...BELOW_COMMANDS, 'lazy in-process.ts', 'upstreams'],
  'commands/local': ['commands/options.ts', 'commands/tenants/apply.ts', ...BELOW_COMMANDS, 'local'],
  // The embedded stack, each only what is named before it.
  'local/aws': [],
  'local/cognito': ['local/aws', 'type local/lambda/as-cognito.ts'],
  'local/lambda': ['local/aws'],
  'local/corbado': ['local/aws'],
  'local/cloudformation': ['local/aws', 'type local/sts.ts'],
  'local/cloudwatch': ['local/aws'],
  // sts, ssm and dynamodb, the accounts, and the stack that gathers all services.
  local: ['local', 'operator/role'],
  'local/gateway': ['local/aws', 'local/lambda/runner.ts', 'terminal'],
  'local/clients': ['local', 'local/aws', 'terminal'],
  'local/world': ['local', 'operator/config-rules.ts', 'operator/role', 'operator/files', 'terminal', 'type tenant'],
  'local/story': ['local', 'operator/role', 'operator/files', 'terminal'],
  // Signs in once for the build, through the program that it compiles.
  'local/story/compile.ts': ['local', 'compiled.ts', 'operator/files', 'operator/config-rules.ts'],
  'local/demo': ['local', 'terminal', 'type tenant'],
  // What browsers run: it knows what it says to its server, and nothing of this program.
  'local/demo/page': ['local/demo/api.ts'],
}

/** Rooms of the embedded stack, from the wire up; a file in `local` itself stands between services and gateway. */
const LOCAL_FLOORS = [
  'aws',
  'lambda',
  'cognito',
  'corbado',
  'cloudformation',
  'cloudwatch',
  '',
  'gateway',
  'clients',
  'world',
  'story',
  'demo',
]

/** The longest path of the table that is the file or a folder above it. */
function roomOf(file: string): string | undefined {
  return Object.keys(ROOMS)
    .filter((room) => file === room || file.startsWith(`${room}/`))
    .sort((a, b) => b.length - a.length)[0]
}

function fits({ to, typeOnly, lazy }: Import, rule: string): boolean {
  const [, condition, path = ''] = /^(?:(type|lazy) )?(.*)$/.exec(rule) ?? []
  if ((condition === 'type' && !typeOnly) || (condition === 'lazy' && !lazy)) return false
  return to === path || to.startsWith(`${path}/`)
}

t.test('every import is one that the house allows', async (t) => {
  t.ok(imports.length > 500, 'imports were found')
  const refused = imports.filter((one) => {
    if (LEAVES.includes(one.to)) return false
    const room = roomOf(one.from)
    if (room === undefined) return true
    const own = room.includes('.') || room === 'upstreams' ? [] : [room]
    return ![...own, ...(ROOMS[room] ?? [])].some((rule) => fits(one, rule))
  })
  t.strictSame(refused, [])
})

t.test('a command imports no other, but for what the house names', async (t) => {
  const group = (file: string) => /^commands\/([^/]+)\//.exec(file)?.[1]
  const across = imports.filter(({ from, to }) => group(from) && group(to) && group(from) !== group(to))
  t.strictSame(
    across.filter(({ from, to }) => !(group(from) === 'local' && to === 'commands/tenants/apply.ts')),
    [],
  )
})

t.test('the embedded stack is built from the wire up', async (t) => {
  const floor = (file: string) => LOCAL_FLOORS.indexOf(/^local\/([^/]+)\//.exec(file)?.[1] ?? '')
  const inside = imports.filter(({ from, to }) => from.startsWith('local/') && to.startsWith('local/'))
  t.ok(inside.length > 100)
  t.strictSame(
    inside.filter(({ from, to }) => floor(from) === -1 || floor(to) > floor(from)),
    [],
  )
})

/** infra/lib, from the bottom: names and the like, config, what watches, the function, containers, stacks, the app. */
const INFRA_FLOORS = ['', 'config', 'watch', 'gateway', 'containers', 'stacks', 'app']

t.test('stacks know containers, those the gateway, that what watches it, and none looks up', async (t) => {
  const lib = 'infra/lib'
  const inside = readdirSync(lib, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .flatMap((from) =>
      [...readFileSync(join(lib, from), 'utf8').matchAll(statement)]
        .map(([, , fixed, lazy]) => join(dirname(from), fixed ?? lazy ?? '').replace(/\.js$/, '.ts'))
        .filter((to) => existsSync(join(lib, to)) && !to.startsWith('..'))
        .map((to) => ({ from, to })),
    )
  const floor = (file: string) =>
    INFRA_FLOORS.indexOf(/^(app|main)\.ts$/.test(file) ? 'app' : dirname(file).replace('.', ''))
  t.ok(inside.length > 50)
  t.strictSame(
    inside.filter(({ from, to }) => floor(from) === -1 || floor(to) > floor(from)),
    [],
  )
})

/** Each node of a graph that lies on a chain of edges back to itself, with that chain. */
function circles(edges: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const found: string[] = []
  const done = new Set<string>()
  function walk(node: string, path: readonly string[]): void {
    if (path.includes(node)) return void found.push([...path.slice(path.indexOf(node)), node].join(' → '))
    if (done.has(node)) return
    for (const next of edges.get(node) ?? []) walk(next, [...path, node])
    done.add(node)
  }
  for (const node of edges.keys()) walk(node, [])
  return found
}

function graphOf(name: (file: string) => string): Map<string, Set<string>> {
  const edges = new Map<string, Set<string>>()
  for (const { from, to } of imports) {
    if (name(from) !== name(to)) edges.set(name(from), (edges.get(name(from)) ?? new Set()).add(name(to)))
  }
  return edges
}

t.test('no chain of imports, of types neither, comes back to the file where it began', async (t) => {
  t.strictSame(circles(graphOf((file) => file)), [])
})

t.test('no chain of imports between folders comes back to where it began', async (t) => {
  // A file at the top of a room that gathers the folders below, and the things those share, stand for themselves.
  const place = (file: string) =>
    ['.', 'commands', 'operator', 'local', 'local/demo/page'].includes(dirname(file)) ? file : dirname(file)
  t.strictSame(circles(graphOf(place)), [])
})

t.test(`no folder holds more than ${FILES_A_FOLDER_MAX} files, nor three whose names begin alike`, async (t) => {
  const folders = new Map<string, string[]>()
  for (const root of [SRC, 'test', 'infra/lib', 'infra/forwarder', 'infra/customer', 'infra/test']) {
    for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts') || file.includes('node_modules')) continue
      const folder = dirname(join(root, file))
      folders.set(folder, [...(folders.get(folder) ?? []), basename(file, '.ts')])
    }
  }
  t.ok(folders.size > 30)
  for (const [folder, names] of folders) {
    t.ok(names.length <= FILES_A_FOLDER_MAX, `${folder} holds ${names.length}`)
    const prefixes = names.filter((name) => name.includes('-')).map((name) => name.split('-')[0] ?? '')
    for (const prefix of new Set([...prefixes])) {
      const alike = names.filter((name) => name === prefix || name.startsWith(`${prefix}-`))
      t.ok(alike.length < 3, `${folder}: ${alike.join(', ')} want a folder "${prefix}"`)
    }
  }
})

t.test(
  'triggers and actions see neither Fastify, an AWS SDK, undici nor pino, and do not read the clock',
  async (t) => {
    const domain = files.filter((file) => /^(triggers|actions)\//.test(file))
    t.ok(domain.length > 8)
    const seen = specifiers.filter(({ from, specifier }) => {
      return domain.includes(from) && /^(fastify|@fastify|@aws-sdk|undici|pino)/.test(specifier)
    })
    t.strictSame(seen, [])
    for (const file of domain) t.notMatch(sources.get(file), /Date\.now|new Date\(|performance\.now|process\./, file)
  },
)

t.test('only the clock tells the time and waits: what else did, no test could move', async (t) => {
  const own = /\bDate\.now\b|new Date\(\)|\bset(Timeout|Interval)\b|AbortSignal\.timeout/
  t.match(sources.get('call.ts'), own)
  // Log lines bear the machine's time; the container's door waits for its end; the embedded stack has processes to wait for.
  const others = /^(call|server|plugins\/logger)\.ts$|^local\//
  for (const file of files.filter((file) => !others.test(file))) {
    t.notMatch(sources.get(file), own, file)
  }
})

t.test('what must not know a library does not import it', async (t) => {
  const forbidden: readonly [room: RegExp, library: RegExp][] = [
    [/^tenant\//, /fastify/],
    [/^resilience\//, /^(fastify|@fastify|@aws-sdk|undici|pino)/],
    [/^terminal\//, /^(fastify|@fastify|@aws-sdk|undici|pino)/],
  ]
  for (const [room, library] of forbidden) {
    const seen = specifiers.filter(({ from, specifier }) => room.test(from) && library.test(specifier))
    t.strictSame(seen, [])
  }
})

t.test('what browsers run is of two published clients, and nothing else imports it', async (t) => {
  const page = /^local\/demo\/page\//
  const packages = specifiers.filter(({ from, specifier }) => page.test(from) && !specifier.startsWith('.'))
  const names = new Set(
    packages.map(({ specifier }) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')),
  )
  t.strictSame([...names].sort(), ['@corbado/web-core', 'aws-amplify'])
  t.strictSame(
    imports.filter(({ from, to }) => page.test(to) && !page.test(from)),
    [],
  )
})

t.test('only doors and the command line read the environment', async (t) => {
  const readers = /^(lambda|handler|server|cli|watch)\.ts|^(commands|operator|terminal|local)\//
  for (const file of files.filter((file) => !readers.test(file))) {
    t.notMatch(sources.get(file), /process\.env/, file)
  }
})

t.test('all that the command line writes goes out in one place, which cleans it', async (t) => {
  const raw = /\bprocess\.std(out|err)\b|\bconsole\.(log|error|warn|info|debug)|writeSync|\b(std(out|err): )?'inherit'/
  // Doors, which speak before there is a command line, in words of their own; a listener for a reader that left.
  const doors = ['cli.ts', 'server.ts', 'watch.ts', 'env.ts', 'local/gateway/runtime.ts', 'commands/local/run.ts']
  const code = (file: string) => (sources.get(file) ?? '').replaceAll(/\/\*\*.*?\*\//gs, '')
  const writers = files.filter((file) => raw.test(code(file)))
  t.strictSame(
    writers.filter((file) => !doors.includes(file)),
    [],
  )
  t.match(sources.get('commands/local/run.ts')?.match(/process\.std\w+\.\w+/g), ['process.stdout.once'])
  const cleaners = files.filter((file) => /\bcleanOutput\(/.test(sources.get(file) ?? ''))
  t.strictSame(cleaners.sort(), ['commands/index.ts', 'terminal/io.ts'])
})

t.test(
  'a file that a person names is read in one place, which refuses pipes, devices and what is too large',
  async (t) => {
    const reads = /\b(readFile|readFileSync|createReadStream|openSync|readSync)\b/
    t.strictSame(
      files.filter((file) => reads.test(sources.get(file) ?? '')),
      // The Lambda door reads its own program.
      ['compiled.ts', 'terminal/file.ts'],
    )
    const opens = files.filter((file) => /\bopen\b.*from 'node:fs/.test(sources.get(file) ?? ''))
    t.strictSame(opens, ['terminal/file.ts'])
  },
)

t.test('SDK clients of the service are made in one place, those of the operator and of watch in others', async (t) => {
  const makers = ['upstreams/index.ts', 'upstreams/operator.ts', 'upstreams/watch/index.ts']
  for (const file of files.filter((file) => !file.startsWith('local/') && !makers.includes(file))) {
    if (file.startsWith('commands/local/')) continue
    t.notMatch(sources.get(file), /new \w+Client\(/, file)
  }
  const users = imports.filter(({ to, typeOnly }) => to === 'upstreams/operator.ts' && !typeOnly)
  for (const { from } of users) t.match(from, /^(operator|commands)\//)
})

t.test('no room is a drawer', async (t) => {
  for (const file of files) t.notMatch(file, /\b(utils?|common|helpers?)\b/i)
  const top = files.filter((file) => !file.includes('/'))
  t.strictSame(
    top.filter((file) => !(file in ROOMS) && !LEAVES.includes(file)),
    [],
    'what stands at the top is a door, the app or a leaf',
  )
  for (const { from, to } of imports.filter(({ from }) => LEAVES.includes(from))) {
    t.ok(LEAVES.includes(to), `the leaf ${from} imports ${to}`)
  }
})

t.test('neither the embedded stack nor the command line is in the Lambda bundle', async (t) => {
  const meta = JSON.parse(readFileSync('dist/lambda.meta.json', 'utf8')) as { inputs: Record<string, unknown> }
  const inputs = Object.keys(meta.inputs)
  t.ok(inputs.includes('src/lambda.ts'))
  const foreign =
    /^src\/(local|operator|commands|terminal|cli|watch|upstreams\/(operator|watch))|dynalite|commander|inquirer|amazon-cognito-identity-js|client-cloudformation|client-cloudwatch-logs|client-sns|@corbado|@simplewebauthn|aws-amplify|otpauth/
  t.strictSame(
    inputs.filter((name) => foreign.test(name)),
    [],
  )
})
