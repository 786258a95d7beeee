import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readConfigRules } from '../../operator/config-rules.js'
import { readTenantFolder } from '../../operator/files/folder.js'
import { reportIssues } from '../../operator/files/issues.js'
import type { TenantFile } from '../../tenant/config.js'
import { NotPossible } from '../../terminal/failure.js'
import type { CommandIo } from '../../terminal/io.js'
import { CALLER_SECRETS_PARAMETER, LOG_GROUP } from '../accounts.js'
import { useNoAccount } from '../aws/variables.js'
import { type ActionClient, createActionClient } from '../clients/actions.js'
import { type Caller, createCaller, createCallerSecret } from '../clients/caller.js'
import type { Container, ContainerOptions } from '../gateway/container.js'
import { createEnvironments } from '../gateway/environments.js'
import { createGatewayLog, type GatewayLog } from '../gateway/log.js'
import type { Stack, StackOptions } from '../stack.js'
import { type Admin, startAdmin } from './admin.js'
import { createExamples, type Example, putExample } from './example.js'
import { startContainerAt, startStackAt } from './ports.js'
import { grantAlias } from './tenants.js'
import { createWorkspace, type Workspace } from './workspace.js'

/** Everything that a login needs. All of it runs, but for the container door, which takes longest to start. */
export interface World {
  readonly stack: Stack
  readonly workspace: Workspace
  readonly log: GatewayLog
  readonly actions: ActionClient
  /** The container door and a caller of it, once it is ready; rejects with NotPossible if it does not get ready. */
  readonly door: Promise<Door>
  readonly examples: readonly Example[]
  /** Where other processes change the stack. */
  readonly admin: Admin
  coldStarts(): number
}

/** The container door, and one of Corbado's callers who may use it. */
export interface Door {
  readonly container: Container
  readonly caller: Caller
}

interface WorldOptions extends Pick<StackOptions, 'makeKeyPair' | 'onStarted'> {
  /** Folder of the tenant files. */
  readonly dir: string
  /** Folder of the compiled program. */
  readonly built: string
  readonly port: number
  /** The gateway's lines go to stderr. */
  readonly logs: boolean
  readonly json: boolean
  readonly io: CommandIo
  /** Takes what is to be done at the end, the last one first; called as soon as there is something to close. */
  onClose(close: () => Promise<unknown>): void
  /** Told at the end, by which time our own files are gone: what stays in the folder for commands of other terminals. */
  onLeft?(dir: string, names: readonly string[]): void
}

/** How soon the gateway sees a changed config, in seconds: a person is waiting for it. */
const TENANT_TTL_SECONDS = '1'

/**
 * Sets up the service and the world around it, as Corbado and its customers would. Its table is still empty.
 * @returns undefined if a tenant file is wrong, which is reported
 * @throws NotPossible if a port is taken or the program is not built
 */
export async function openWorld(options: WorldOptions): Promise<World | undefined> {
  const { dir, built, port, logs, json, io, onClose } = options
  const { server, ...code } = builtFiles(built)
  const folder = await readTenantFolder(dir, readConfigRules({}))
  if (folder.issues.length > 0) return void reportIssues(folder, json, io)
  const tenants = folder.entries.map(({ tenant }) => tenant)

  useNoAccount()
  const starting = startStackAt(port, options)
  onClose(async () => (await starting.catch(() => undefined))?.stop())
  const stack = await starting
  const workspace = await createWorkspace({ program: join(built, 'cli.mjs'), keepLog: !logs && !json })
  onClose(async () => options.onLeft?.(workspace.dir, await workspace.close()))
  const show = logs ? (line: string) => void io.stderr.write(`${line}\n`) : workspace.log
  const log = createGatewayLog((line) => {
    show(line)
    stack.cloudwatch.put(LOG_GROUP, [{ at: stack.clock.now(), message: line }])
  })
  const env = { ...stack.gatewayEnv, LOG_LEVEL: 'info', TENANT_TTL_SECONDS, TENANT_STALE_SECONDS: TENANT_TTL_SECONDS }
  const environments = createEnvironments({ ...code, env, onLine: log.adder('lambda') })
  onClose(environments.stop)
  const admin = await startAdmin(stack, environments.retire)
  onClose(admin.stop)
  const actions = createActionClient(stack)
  onClose(async () => actions.close())
  stack.corbado.onAction((payload) => actions.invoke(payload))
  const doorEnv = { ...env, CALLER_SECRETS_PARAMETER }
  const door = openDoor(stack, port, { entry: server, env: doorEnv, onLine: log.adder('container'), onClose })
  // It is awaited later; a failure before that must not end the process.
  door.catch(() => undefined)

  const examples = createExamples(tenants)
  for (const example of examples) putExample(stack, example)
  stack.deploy(environments.runner, grantAliases(stack, tenants))
  return { stack, workspace, log, actions, door, examples, admin, coldStarts: environments.coldStarts }
}

async function openDoor(stack: Stack, port: number, options: ContainerOptions): Promise<Door> {
  const secret = createCallerSecret()
  stack.ssm.put(CALLER_SECRETS_PARAMETER, secret)
  const container = await startContainerAt(port, options)
  return { container, caller: createCaller(container.url, secret) }
}

function builtFiles(built: string): { runtime: string; entry: string; server: string } {
  const files = {
    runtime: join(built, 'local/gateway/runtime.mjs'),
    entry: join(built, 'lambda/index.mjs'),
    server: join(built, 'server.mjs'),
  }
  for (const file of Object.values(files)) {
    if (!existsSync(file)) throw new NotPossible(`${file} is missing: npm run build makes it`)
  }
  return files
}

function grantAliases(stack: Stack, tenants: readonly TenantFile[]): string[] {
  const aliases = [...new Set(tenants.map(({ alias }) => alias))]
  for (const alias of aliases) {
    grantAlias(
      stack,
      alias,
      tenants.filter((tenant) => tenant.alias === alias),
    )
  }
  return aliases
}
