#!/usr/bin/env node
import { systemClock } from './call.js'
import { runCli } from './commands/index.js'

const { argv, env, stdin, stdout, stderr } = process
// Whoever reads may have enough before we are done, as `head` does: what was begun is ended all the same, and says how.
for (const output of [stdout, stderr]) output.on('error', () => undefined)
process.exitCode = await runCli(argv.slice(2), {
  stdin,
  stdout,
  stderr,
  env,
  clock: systemClock,
  built: import.meta.dirname,
})
