import { spawn } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { coldStart } from './cold/index.js'
import { containerDoor } from './container-door.js'
import { firstCalls } from './first-calls.js'
import { lambdaDoor } from './lambda-door.js'
import { neighbours, SHORT, SMOKE, WHOLE } from './neighbours/index.js'
import { toMarkdown, writeResults } from './neighbours/results.js'
import { isSmoke, type Row, toTable, toText } from './report.js'
import { signatures } from './signatures.js'
import { soak } from './soak/index.js'
import { doctorAll } from './tenants/doctor.js'
import { firstMeetings } from './tenants/first-meetings.js'
import { tenantFolder } from './tenants/folder.js'
import { manyTenants } from './tenants/many.js'
import { memoryATenant } from './tenants/memory.js'
import { scale } from './tenants/scale.js'
import { verifyOverTls } from './verify-tls.js'

// Node 20 still runs everything; the SDK's notice would be in the way of the figures.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'

/** The code that a deployment uploads, without its source map and what V8 compiled of it. */
async function bundleSize(): Promise<Row[]> {
  const code = readdirSync('dist/lambda').filter((name) => /\.[cm]js$/.test(name))
  const ours = code.reduce((sum, name) => sum + statSync(join('dist/lambda', name)).size, 0)
  const reference = 2_000_000
  const ratio = ours / reference
  return [{ name: 'Lambda bundle', unit: 'bytes', ours, reference, referenceName: '2 MB', ratio, most: 1 }]
}

/** Takes ten minutes, so it is measured only if it is asked for: its words are `--short`, `--write`, and dependencies. */
async function measureNeighbours(
  only: readonly string[],
  { json, short, write }: { readonly json?: boolean; readonly short?: boolean; readonly write?: boolean },
): Promise<void> {
  const plan = short ? SHORT : WHOLE
  const cells = await neighbours(plan, only, ({ dependency, host, perSecond }) => {
    if (!json) console.log(`${dependency} (${host}) at ${perSecond}/s: measured`)
  })
  const text = toMarkdown(cells)
  console.log(json ? JSON.stringify(cells, undefined, 2) : `\n${text}`)
  if (write) writeResults('neighbours', text)
}

const measurements = {
  bundleSize,
  coldStart,
  signatures,
  containerDoor,
  firstCalls,
  lambdaDoor,
  verifyOverTls,
  manyTenants,
  firstMeetings,
  memoryATenant,
  scale,
  tenantFolder,
  doctorAll,
  soak,
}
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    write: { type: 'boolean' },
    smoke: { type: 'boolean' },
    short: { type: 'boolean' },
    calls: { type: 'string' },
  },
})
const { json, write } = options
const rows: Row[] = []
const [first, ...dependencies] = positionals
if (first === 'neighbours') {
  await measureNeighbours(dependencies, options)
  process.exit(0)
}
for (const name of positionals)
  if (!(name in measurements)) {
    console.error(`There is no measurement ${name}; there are neighbours, ${Object.keys(measurements).join(', ')}.`)
    process.exit(2)
  }

/**
 * One measurement in a process of its own: in one that has measured others, what V8 compiled and the heap are theirs too,
 * and a handler takes a third longer. The soak of a whole run is a short one.
 */
async function measureApart(name: string): Promise<Row[]> {
  const args = [process.argv[1] ?? '', name, '--json', ...(name === 'soak' ? ['--calls', '20000'] : [])]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  return JSON.parse(await text(child.stdout))
}

for (const [name, measure] of Object.entries(measurements)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  const measured = isSmoke || positionals.length === 1 ? await measure() : await measureApart(name)
  rows.push(...measured)
  if (isSmoke) console.log(`${name} runs`)
  else if (!json) for (const row of measured) console.log(`${toText(row)}\n`)
}
if (json) console.log(JSON.stringify(rows, undefined, 2))
if (write) writeResults('speed', toTable(rows))
if (isSmoke) await neighbours(SMOKE, ['ssm'], () => console.log('neighbours runs'))
process.exit(0)
