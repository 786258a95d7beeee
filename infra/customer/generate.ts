import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { customerFiles } from './files.js'

// `npm run generate` runs in this package's folder.
for (const [path, text] of Object.entries(customerFiles())) {
  const target = join('customer', path)
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, text)
  process.stdout.write(`${target}\n`)
}
