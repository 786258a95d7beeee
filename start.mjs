/**
 * `npm start`: builds the programs and runs `corbado-gateway local` in this very process, which so gets the signals that
 * are meant for it.
 */
import process from 'node:process'
import { buildPrograms } from './build.mjs'

const { argv, stderr } = process
// Whoever asks for the options waits for nothing else.
if (!argv.includes('--help') && !argv.includes('-h')) stderr.write('Building the gateway ...\n')
await buildPrograms([])
process.argv.splice(2, 0, 'local')
await import('./dist/cli.mjs')
