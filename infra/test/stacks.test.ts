import { readdirSync } from 'node:fs'

/** The files that build stacks, in one process: each would load and warm up the CDK for half of its time. */
const folder = new URL('stacks/', import.meta.url)
for (const name of readdirSync(folder)) await import(new URL(name, folder).href)
