import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import { TENANT_BYTES_MAX } from '../../operator/files/read.js'
import { NotPossible } from '../../terminal/failure.js'
import { readTextFile } from '../../terminal/file.js'
import { shellWord } from '../../terminal/text.js'

/** A temporary folder, which only its owner can read. */
export interface Workspace {
  readonly dir: string
  readonly logFile: string
  /** For a shell: the rights of an operator in this stack. */
  readonly envFile: string
  /** The rights of Corbado's own caller of actions, which an operator does not have. */
  readonly callerEnvFile: string
  /** The tenant files as the stack serves them. */
  readonly tenantsDir: string
  log(line: string): void
  /** Writes a file that only its owner can read; answers its path. */
  write(name: string, text: string): Promise<string>
  /** Writes variables for a shell to read in, which also puts the program on its path. */
  writeEnv(name: string, env: Readonly<Record<string, string>>): Promise<string>
  /** Copies a tenant file, comments and all, with other values. */
  copyTenant(file: string, name: string, changes: readonly TenantChange[]): Promise<void>
  /** Removes what was written here, for it works no longer; answers what stays, with a slash after a folder's name. */
  close(): Promise<readonly string[]>
}

/** A value of a tenant file, by the path to it. */
export interface TenantChange {
  readonly path: readonly string[]
  readonly value: unknown
}

interface WorkspaceOptions {
  /** Path of the running program. */
  readonly program: string
  readonly keepLog: boolean
}

const LOG = 'gateway.log'
const OPERATOR_ENV = 'operator.env'
const CALLER_ENV = 'corbado.env'

/**
 * Makes a workspace. When it is closed, only the log stays, if its path was printed, and what others put there: in the folder of
 * the tenants too, of which the copies alone were ours.
 */
export async function createWorkspace({ program, keepLog }: WorkspaceOptions): Promise<Workspace> {
  const dir = await mkdtemp(join(tmpdir(), 'corbado-gateway-'))
  const [tenantsDir, bin] = [join(dir, 'tenants'), join(dir, 'bin')]
  await Promise.all([mkdir(tenantsDir), mkdir(bin)])
  const command = `#!/bin/sh\nexec ${[process.execPath, program].map((word) => shellWord(word)).join(' ')} "$@"\n`
  await writeFile(join(bin, 'corbado-gateway'), command, { mode: 0o700 })
  const own = new Set(['bin', ...(keepLog ? [] : [LOG])])
  const log = createWriteStream(join(dir, LOG))

  async function write(name: string, text: string): Promise<string> {
    own.add(name)
    await writeFile(join(dir, name), text, { mode: 0o600 })
    return join(dir, name)
  }

  return {
    dir,
    logFile: join(dir, LOG),
    envFile: join(dir, OPERATOR_ENV),
    callerEnvFile: join(dir, CALLER_ENV),
    tenantsDir,
    log: (line) => void log.write(`${line}\n`),
    write,
    writeEnv: (name, env) => write(name, `${shellExports(env)}export PATH=${shellWord(bin)}:"$PATH"\n`),
    async copyTenant(file, name, changes) {
      const read = await readTextFile(file, TENANT_BYTES_MAX)
      if (read.kind !== 'text') throw new NotPossible(`${file} ${read.why}`)
      const document = parseDocument(read.text)
      for (const { path, value } of changes) document.setIn(path, document.createNode(value))
      own.add(join('tenants', name))
      await writeFile(join(tenantsDir, name), document.toString({ lineWidth: 0 }))
    },
    async close() {
      await new Promise((resolve) => log.end(resolve))
      await Promise.all([...own].map((name) => rm(join(dir, name), { recursive: true, force: true })))
      // One that is not empty stays.
      for (const folder of [tenantsDir, dir]) await rmdir(folder).catch(() => undefined)
      const left = await readdir(dir, { withFileTypes: true }).catch(() => [])
      return left.map((entry) => `${entry.name}${entry.isDirectory() ? '/' : ''}`).sort()
    },
  }
}

/** Variables for a shell to read in; a profile or a switch of the user's own would win over them. */
function shellExports(env: Readonly<Record<string, string>>): string {
  const lines = Object.entries(env).map(([name, value]) => `export ${name}=${shellWord(value)}\n`)
  return `unset AWS_PROFILE AWS_IGNORE_CONFIGURED_ENDPOINT_URLS\n${lines.join('')}`
}
