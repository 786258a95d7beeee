/**
 * `npm start`: builds the programs and runs `corbado-gateway local` in this very process, which so gets the signals that
 * are meant for it.
 */
import process from 'node:process'
import { buildPrograms } from './build.mjs'

console.error('Building the gateway ...')
await buildPrograms([])
process.argv.splice(2, 0, 'local')
await import('./dist/cli.mjs')
