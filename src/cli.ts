#!/usr/bin/env node
import { systemClock } from './call.js'
import { runCli } from './operator/program.js'

const { argv, env, stdout, stderr } = process
process.exitCode = await runCli(argv.slice(2), { stdout, stderr, env, clock: systemClock })
