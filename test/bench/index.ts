import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
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
async function measureNeighbours(words: readonly string[], json: boolean): Promise<void> {
  const plan = words.includes('--short') ? SHORT : WHOLE
  const only = words.filter((word) => !word.startsWith('--'))
  const cells = await neighbours(plan, only, ({ dependency, host, perSecond }) => {
    if (!json) console.log(`${dependency} (${host}) at ${perSecond}/s: measured`)
  })
  const text = toMarkdown(cells)
  console.log(json ? JSON.stringify(cells, undefined, 2) : `\n${text}`)
  if (words.includes('--write')) writeResults('neighbours', text)
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
  tenantFolder,
  doctorAll,
  soak,
}
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const json = process.argv.includes('--json')
const rows: Row[] = []
const [first, ...words] = process.argv.slice(2)
if (first === 'neighbours') {
  await measureNeighbours(words, json)
  process.exit(0)
}
for (const [name, measure] of Object.entries(measurements)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const measured = await measure()
  rows.push(...measured)
  if (isSmoke) console.log(`${name} runs`)
  else if (!json) for (const row of measured) console.log(`${toText(row)}\n`)
}
if (json) console.log(JSON.stringify(rows, undefined, 2))
if (words.includes('--write') || first === '--write') writeResults('speed', toTable(rows))
if (isSmoke) await neighbours(SMOKE, ['ssm'], () => console.log('neighbours runs'))
process.exit(0)
