#!/usr/bin/env node
import { systemClock } from './call.js'
import { createLocalCommand } from './local/command.js'
import { runCli } from './operator/program.js'

const { argv, env, stdout, stderr } = process
const io = { stdout, stderr, env, clock: systemClock }
process.exitCode = await runCli(argv.slice(2), io, [createLocalCommand(import.meta.dirname)])
