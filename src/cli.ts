#!/usr/bin/env node
import { systemClock } from './call.js'
import type { OpenApp } from './commands/invoke/app.js'
import { createInvokeCommand } from './commands/invoke/index.js'
import { createLocalCommand } from './commands/local/index.js'
import { runCli } from './commands/program.js'

const { argv, env, stdin, stdout, stderr } = process
// Whoever reads may have enough before we are done, as `head` does: what was begun is ended all the same, and says how.
for (const output of [stdout, stderr]) output.on('error', () => undefined)
// The app takes longer to load than most commands to run.
const openApp: OpenApp = async (...options) => (await import('./in-process.js')).openApp(...options)
const io = { stdin, stdout, stderr, env, clock: systemClock }
process.exitCode = await runCli(argv.slice(2), io, [
  createLocalCommand(import.meta.dirname),
  createInvokeCommand(openApp),
])
