import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseDocument } from 'yaml'

/** A folder of its own in the system's place for such, which only its owner can read. */
export interface Workspace {
  readonly logFile: string
  /** For a shell: the rights of an operator in this stack. */
  readonly envFile: string
  /** The tenant files as the stack serves them. */
  readonly tenantsDir: string
  log(line: string): void
  writeEnv(env: Readonly<Record<string, string>>): Promise<void>
  /** Copies a tenant file, comments and all, with another address of the Backend API. */
  copyTenant(file: string, name: string, backendApiUrl: string): Promise<void>
  /** Removes what works no longer. */
  close(): Promise<void>
}

/** Makes a workspace; of it only the log stays, where somebody was told of it. */
export async function createWorkspace({ keepLog }: { keepLog: boolean }): Promise<Workspace> {
  const dir = await mkdtemp(join(tmpdir(), 'corbado-gateway-'))
  const [logFile, envFile, tenantsDir] = [join(dir, 'gateway.log'), join(dir, 'operator.env'), join(dir, 'tenants')]
  await mkdir(tenantsDir)
  const log = createWriteStream(logFile)
  return {
    logFile,
    envFile,
    tenantsDir,
    log: (line) => void log.write(`${line}\n`),
    writeEnv: (env) => writeFile(envFile, shellExports(env), { mode: 0o600 }),
    async copyTenant(file, name, backendApiUrl) {
      const document = parseDocument(await readFile(file, 'utf8'))
      document.setIn(['corbado', 'backendApiUrl'], backendApiUrl)
      await writeFile(join(tenantsDir, name), document.toString({ lineWidth: 0 }))
    },
    async close() {
      await new Promise((resolve) => log.end(resolve))
      const gone = keepLog ? [envFile, tenantsDir] : [dir]
      await Promise.all(gone.map((path) => rm(path, { recursive: true, force: true })))
    },
  }
}

/** Variables for a shell to read in; a profile or a switch of the user's own would win over them. */
function shellExports(env: Readonly<Record<string, string>>): string {
  const lines = Object.entries(env).map(([name, value]) => `export ${name}='${value}'\n`)
  return `unset AWS_PROFILE AWS_IGNORE_CONFIGURED_ENDPOINT_URLS\n${lines.join('')}`
}
