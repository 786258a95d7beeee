import { join } from 'node:path'
import process from 'node:process'
import { loadProgram } from './compiled.js'
import type { Handler } from './invocation.js'

/** The name of the file that the build made of `lambda.ts`. */
declare const PROGRAM: string

const words = [...process.execArgv, ...(process.env.NODE_OPTIONS ?? '').split(' ')]

/** What Lambda loads: the handler of `lambda.ts`, compiled when it was built. */
export const { handler } = loadProgram<{ readonly handler: Handler }>(join(import.meta.dirname, PROGRAM), words).exports
