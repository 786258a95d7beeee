import { statSync } from 'node:fs'
import { coldStart } from './cold-start.js'
import { type Row, toText } from './report.js'

// Node 20 still runs everything; the SDK's notice would be in the way of the figures.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'

/** The bundle that a deployment uploads, source map apart. */
function bundleSize(): Row {
  const ours = statSync('dist/lambda/index.mjs').size
  const reference = 2_000_000
  const ratio = ours / reference
  return { name: 'Lambda bundle', unit: 'bytes', ours, reference, referenceName: '2 MB', ratio, limit: 1 }
}

const measurements = [async () => bundleSize(), coldStart]
const json = process.argv.includes('--json')
const rows: Row[] = []
for (const measure of measurements) {
  const row = await measure()
  rows.push(row)
  if (!json) console.log(`${toText(row)}\n`)
}
if (json) console.log(JSON.stringify(rows, undefined, 2))
