import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { inLine } from '../terminal/clean.js'
import { NotPossible } from '../terminal/failure.js'
import { readTextFile } from '../terminal/file.js'
import { shellWord } from '../terminal/text.js'

/** The folder of the tenant files, unless a command is told another. */
export const TENANTS_DIR = 'tenants'

/** Larger than any tenant file. */
const BYTES_MAX = 64 * 1024

/** Nothing in the table is called so. A file may be, which is looked for before this is told. */
export class NoSuchTenant extends NotPossible {
  constructor(
    message: string,
    readonly word: string,
  ) {
    super(message)
  }
}

/**
 * The error as it is told: with the file that was written and not applied, if there is one.
 * @param dir the folder of the tenant files, if the command was told one
 */
export async function withUnapplied(error: NoSuchTenant, dir: string = TENANTS_DIR): Promise<NotPossible> {
  const file = await unappliedFile(error.word, dir)
  if (file === undefined) return error
  const words = dir === TENANTS_DIR ? '' : ` ${shellWord(dir)}`
  return new NotPossible(`${inLine(file)} is not in the table yet: corbado-gateway tenants apply${words}`)
}

/**
 * The file of a folder that is about a tenant, by the tenant's id or its pool's. Undefined if there is none, or no such
 * folder: what is wrong with files is for `tenants validate` to say.
 */
export async function unappliedFile(word: string, dir: string = TENANTS_DIR): Promise<string | undefined> {
  if (!/^[\w-]+$/.test(word)) return undefined
  const all = await readdir(dir).catch(() => [])
  const names = all.filter((name) => /^[^.].*\.ya?ml$/i.test(name))
  const named = names.find((name) => name.replace(/\.ya?ml$/i, '') === word)
  if (named !== undefined) return join(dir, named)
  const line = new RegExp(`^userPoolId:\\s*["']?${word}["']?\\s*(#|$)`, 'm')
  for (const name of word.includes('_') ? names : []) {
    const read = await readTextFile(join(dir, name), BYTES_MAX)
    if (read.kind === 'text' && line.test(read.text)) return join(dir, name)
  }
  return undefined
}
