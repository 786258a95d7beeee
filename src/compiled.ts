import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import process from 'node:process'
import vm from 'node:vm'

/** A program that runs. */
export interface Program<Exports> {
  readonly exports: Exports
  /** V8 took over what it had compiled before. */
  readonly cached: boolean
  /** What V8 has compiled of the program so far, for {@link compiledName}. */
  compiled(): Buffer
}

/** Flags of V8 that Lambda's runtime sets, or the function's own settings (fact A56): V8 takes over nothing that was compiled with others. */
const FLAG = /^--(expose-gc|max-(semi|old)-space-size=\d+)$/

/**
 * The file beside a program that holds what V8 compiled of it. V8 reads only what its own version wrote with the same flags,
 * and its code is a processor's, so all three are in the name; a program's own name changes with each byte of it.
 * @param words those that Node was started with
 */
export function compiledName(file: string, words: readonly string[]): string {
  const flags = words.filter((word) => FLAG.test(word)).map((flag) => flag.slice('--'.length))
  return [file, process.arch, process.versions.v8, ...flags.sort(), 'bin'].join('.')
}

/**
 * Runs a program of one file of CommonJS in ASCII. Half of what it takes to load one is compiling it: V8 is given what it
 * compiled when the program was built. Where that is missing, or of another V8, or of one that was started with other flags,
 * V8 compiles the program as it does any other.
 * @param file its path
 * @param words those that Node was started with
 */
export function loadProgram<Exports>(file: string, words: readonly string[]): Program<Exports> {
  const source = `(function (exports, require, module) {${readFileSync(file, 'latin1')}\n})`
  const cachedData = readIfThere(compiledName(file, words))
  const script = new vm.Script(source, {
    filename: file,
    ...(cachedData && { cachedData }),
  })
  const module = { exports: {} as Exports }
  script.runInThisContext()(module.exports, createRequire(file), module)
  return {
    exports: module.exports,
    cached: cachedData !== undefined && script.cachedDataRejected === false,
    compiled: () => script.createCachedData(),
  }
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file)
  } catch {
    return undefined
  }
}
