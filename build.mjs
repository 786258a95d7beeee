/**
 * Builds the programs into dist/, with the same words in every shell:
 *
 *     node build.mjs                  all of them
 *     node build.mjs lambda server    those named
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { build } from 'esbuild'

const run = promisify(execFile)

/** Fastify's own compilers, which we replace. */
const NEVER_LOADED = ['@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler']
/** Of `local` alone, which needs a checkout. */
const STAND_INS = ['dynalite', 'amazon-cognito-identity-js', '@simplewebauthn/server']
const NOTICES = 'dist/THIRD-PARTY-NOTICES.txt'

const common = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  mainFields: ['module', 'main'],
  sourcemap: 'linked',
  logLevel: 'warning',
  metafile: true,
}
/** What is CommonJS in a bundle asks for Node's own modules with it. */
const requireFrom = (name) => ({
  js: `import{createRequire as __createRequire}from'${name}';const require=__createRequire(import.meta.url);`,
})

/** A door of the service: one file, as small as can be, with the list of what is in it. */
async function buildDoor(source, outfile, meta) {
  const { metafile } = await build({
    ...common,
    entryPoints: [source],
    outfile,
    minify: true,
    external: NEVER_LOADED,
    legalComments: 'none',
    banner: requireFrom('node:module'),
  })
  writeFileSync(meta, JSON.stringify(metafile))
}

/** The flags that V8 has in a function of so many MB: the heap's size is a setting of ours, the other may be the runtime's (fact A56). */
const HEAP = `--max-old-space-size=${Math.floor(Number(process.env.MEMORY_MB ?? 1024) * 0.9)}`
const FLAGS = [[], [HEAP], ['--expose-gc', HEAP]]

/**
 * The Lambda door: `index.mjs`, which loads the program beside it, and what V8 compiled of that for one login. The program's
 * name is a sum of its bytes, so that nothing that was compiled of another is taken for its own.
 */
async function buildLambda() {
  const folder = 'dist/lambda'
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const { metafile, outputFiles } = await build({
    ...common,
    entryPoints: ['src/lambda.ts'],
    outfile: join(folder, 'program.cjs'),
    format: 'cjs',
    // V8 keeps no compiled code for what imports: Node's own modules are required.
    supported: { 'dynamic-import': false },
    write: false,
    minify: true,
    external: NEVER_LOADED,
    legalComments: 'none',
  })
  const [map, code] = ['.map', '.cjs'].map((end) => outputFiles.find(({ path }) => path.endsWith(end)))
  const name = `program-${createHash('sha256').update(code.contents).digest('hex').slice(0, 16)}.cjs`
  writeFileSync(join(folder, name), code.text.replace('program.cjs.map', `${name}.map`))
  writeFileSync(join(folder, `${name}.map`), map.contents)
  writeFileSync('dist/lambda.meta.json', JSON.stringify(metafile))
  await build({
    ...common,
    metafile: false,
    sourcemap: false,
    entryPoints: ['src/handler.ts'],
    outfile: join(folder, 'index.mjs'),
    minify: true,
    define: { PROGRAM: JSON.stringify(name) },
  })
  await build({
    ...common,
    entryPoints: ['src/local/story/compile.ts'],
    outfile: 'dist/compile.mjs',
    packages: 'external',
  })
  // The AWS SDK would tell whoever builds of Node 20.
  const env = { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' }
  const compile = (flags) => run(process.execPath, [...flags, 'dist/compile.mjs', join(folder, name)], { env })
  await Promise.all(FLAGS.map(compile))
}

/** The command line: a door that old Nodes can read, and what each command loads. Names stay, for stack traces. */
async function buildCli() {
  rmSync('dist/chunks', { recursive: true, force: true })
  const { metafile } = await build({
    ...common,
    // What only a checkout runs has files of its own, which the package leaves out.
    entryPoints: ['src/cli.ts', 'src/commands/local/run.ts', 'src/local/gateway/runtime.ts', 'src/local/demo/index.ts'],
    outdir: 'dist',
    outExtension: { '.js': '.mjs' },
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    minifySyntax: true,
    minifyWhitespace: true,
    external: [...STAND_INS, ...NEVER_LOADED],
    legalComments: 'none',
    banner: requireFrom('module'),
  })
  const packed = setApart(metafile.outputs)
  writeFileSync(NOTICES, notices(packed.flatMap((file) => Object.keys(metafile.outputs[file].inputs))))
}

/**
 * Moves what only a checkout's files load from dist/chunks, of which the package takes all, to dist/local/chunks.
 * @param outputs of esbuild's metafile: each file with what it imports
 * @returns what the package takes
 */
function setApart(outputs) {
  const packed = new Set()
  const reach = (file) => {
    if (packed.has(file) || (file !== 'dist/cli.mjs' && !file.startsWith('dist/chunks/'))) return
    packed.add(file)
    for (const { path } of outputs[file].imports) if (path in outputs) reach(path)
  }
  reach('dist/cli.mjs')
  rmSync('dist/local/chunks', { recursive: true, force: true })
  mkdirSync('dist/local/chunks', { recursive: true })
  const isOwn = (file) => file.startsWith('dist/chunks/') && file.endsWith('.mjs') && !packed.has(file)
  const placeOf = (file) => (isOwn(file) ? join('dist/local/chunks', basename(file)) : file)
  const specifier = (from, to) => relative(dirname(from), to).replace(/^(?!\.)/, './')
  for (const [file, { imports }] of Object.entries(outputs)) {
    const moved = imports.filter(({ path }) => path in outputs && (isOwn(file) || isOwn(path)))
    if (!isOwn(file) && moved.length === 0) continue
    const text = moved.reduce(
      (code, { path }) => code.replaceAll(`"${specifier(file, path)}"`, `"${specifier(placeOf(file), placeOf(path))}"`),
      readFileSync(file, 'utf8'),
    )
    writeFileSync(placeOf(file), text)
    if (!isOwn(file)) continue
    rmSync(file)
    // Its sources are named from where it was.
    const map = JSON.parse(readFileSync(`${file}.map`, 'utf8'))
    const sourceRoot = `${relative(dirname(placeOf(file)), dirname(file))}/`
    writeFileSync(`${placeOf(file)}.map`, JSON.stringify({ ...map, sourceRoot }))
    rmSync(`${file}.map`)
  }
  return [...packed]
}

/**
 * The licences of the packages in a bundle, which most of them ask to be kept with every copy. A text that several have
 * stands once.
 */
function notices(sources) {
  const folder = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/
  const folders = new Set(sources.flatMap((path) => folder.exec(path)?.[0] ?? []))
  const namesByText = new Map()
  for (const path of [...folders].sort()) {
    const { name, version, license } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'))
    const files = readdirSync(path).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
    const text = files.map((file) => readFileSync(join(path, file), 'utf8').replaceAll('\r', '').trim()).join('\n\n')
    namesByText.set(text, [...(namesByText.get(text) ?? []), `${name} ${version} (${license})`])
  }
  const parts = [...namesByText].map(([text, names]) => [...names, '', text].join('\n').trim())
  return `The command line holds code of these packages.\n\n${parts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`
}

/** As tsc writes an enum. Nothing tells a bundler that an unused one may go, and Amplify's lists of errors are 17 KB. */
const ENUM = /^var (\w+);\n\(function \(\1\) \{([\s\S]*?)\n\}\)\(\1 \|\| \(\1 = \{\}\)\);/gm
const PURE_ENUMS = {
  name: 'pure-enums',
  setup({ onLoad }) {
    onLoad({ filter: /@aws-amplify\/.*\.mjs$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(
        ENUM,
        (_, name, body) => `var ${name} = /* @__PURE__ */ (function (${name}) {${body}\nreturn ${name};\n})({});`,
      ),
      loader: 'js',
    }))
  },
}

/** The page of the demo, as browsers get it: a document, its style, its script. */
async function buildPage() {
  const from = 'src/local/demo/page'
  const to = 'dist/demo'
  rmSync(to, { recursive: true, force: true })
  await build({
    bundle: true,
    entryPoints: [`${from}/main.ts`, `${from}/style.css`],
    outdir: to,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    minify: true,
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [PURE_ENUMS],
  })
  for (const name of ['index.html', 'icon.svg']) copyFileSync(join(from, name), join(to, name))
}

const BUILDS = {
  lambda: buildLambda,
  watch: () => buildDoor('src/watch.ts', 'dist/watch/index.mjs', 'dist/watch.meta.json'),
  server: () => buildDoor('src/server.ts', 'dist/server.mjs', 'dist/server.meta.json'),
  cli: buildCli,
  page: buildPage,
}

/** Builds the programs that are named, or all; throws for a name that there is not. */
export async function buildPrograms(names) {
  const unknown = names.find((name) => !(name in BUILDS))
  if (unknown !== undefined)
    throw new Error(`nothing is called ${unknown}; there are ${Object.keys(BUILDS).join(', ')}`)
  for (const name of names.length > 0 ? names : Object.keys(BUILDS)) await BUILDS[name]()
}

if (realpathSync(process.argv[1]) === import.meta.filename) await buildPrograms(process.argv.slice(2))
