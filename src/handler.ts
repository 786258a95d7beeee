import { join } from 'node:path'
import { loadProgram } from './compiled.js'
import type { Handler } from './invocation.js'

/** The name of the file that the build made of `lambda.ts`. */
declare const PROGRAM: string

/** What Lambda loads: the handler of `lambda.ts`, compiled when it was built. */
export const { handler } = loadProgram<{ readonly handler: Handler }>(join(import.meta.dirname, PROGRAM)).exports
