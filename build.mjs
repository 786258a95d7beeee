/**
 * Builds the programs into dist/, with the same words in every shell:
 *
 *     node build.mjs                  all of them
 *     node build.mjs lambda server    those named
 */
import { copyFileSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { build } from 'esbuild'

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
  writeFileSync(NOTICES, notices(metafile))
}

/**
 * The licences of the packages in a bundle, which most of them ask to be kept with every copy. A text that several have
 * stands once.
 */
function notices({ inputs }) {
  const folder = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/
  const folders = new Set(Object.keys(inputs).flatMap((path) => folder.exec(path)?.[0] ?? []))
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
  })
  for (const name of ['index.html', 'icon.svg']) copyFileSync(join(from, name), join(to, name))
}

const BUILDS = {
  lambda: () => buildDoor('src/lambda.ts', 'dist/lambda/index.mjs', 'dist/lambda.meta.json'),
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
