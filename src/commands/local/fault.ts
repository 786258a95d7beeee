import { Argument, type Command, InvalidArgumentError, Option } from 'commander'
import { askAdmin } from '../../local/clients/admin.js'
import { findApp, readApps } from '../../local/clients/apps.js'
import { DEPENDENCIES, type Dependency, FAULT_KINDS, type FaultKind, type LastingFault } from '../../local/faults.js'
import { writeAnswer } from '../../operator/answers/write.js'
import { durationOf } from '../../operator/lines/when.js'
import { defineCommand } from '../../terminal/command.js'
import type { CommandIo } from '../../terminal/io.js'
import { closestNames, textAt, textTable } from '../../terminal/text.js'

interface FaultOptions {
  readonly tenant?: string
  readonly as: FaultKind
  readonly for: number
  readonly cold?: true
  readonly json?: true
}

/** Other names that people have for a dependency. */
const ALSO: Readonly<Record<string, Dependency>> = { dynamodb: 'table' }

/** What a dependency does under each kind of fault. */
const DOES: Readonly<Record<FaultKind, string>> = {
  error: 'answers with status 500',
  hang: 'does not answer',
  throttled: 'says that it is asked too much',
  denied: 'says that a right is missing',
}

const FOR_MS_MAX = 12 * 3_600_000
const JSON_TEXT = 'print { kind: "local-faults", faults }'

const KINDS = `
What the dependency does, by --as:
${FAULT_KINDS.map((kind) => `  ${kind.padEnd(10)} ${DOES[kind]}`).join('\n')}

The gateway goes on with what it has in memory: a role's credentials for up to
an hour, a secret for SECRET_TTL_SECONDS. With --cold it has nothing there.
Calls to Corbado are told apart by project: pools of one project fail together.
What the users' apps ask Cognito and Corbado themselves is served.`

/** `local fault`: lets a dependency of the running stack fail for a while. */
export function faultCommand(io: CommandIo): Command {
  const path = 'corbado-gateway local fault'
  const command = defineCommand(io, {
    path,
    summary:
      'Lets a dependency of the embedded stack fail, for one tenant or for all, until a time has passed. A login shows ' +
      'what comes of it, and the log what the engineer on call sees.',
    examples: [
      `${path} sts --tenant northwind --for 5m --cold`,
      `${path} corbado --tenant acme-shop --as hang`,
      `${path} table --as throttled --for 30s`,
      `${path} clear`,
    ],
  })
    .addArgument(dependencyArgument('<dependency>', 'what fails, by its name on log lines'))
    .option('--tenant <tenant>', 'tenant id or user pool id; without it, the calls of all fail')
    .addOption(new Option('--as <kind>', 'how it fails').choices(FAULT_KINDS).default('error'))
    .addOption(
      new Option('--for <time>', 'how long, such as 30s, 5m or 1h').argParser(readTime).default(5 * 60_000, '5m'),
    )
    .option('--cold', "begin new environments of the gateway's function, which have nothing in memory")
    .option('--json', JSON_TEXT)
    .addHelpText('after', KINDS)
    .action((dependency: Dependency, options: FaultOptions) => beginFault(dependency, options, io))
  command.addCommand(listCommand(io, path)).addCommand(clearCommand(io, path))
  return command.enablePositionalOptions()
}

async function beginFault(dependency: Dependency, options: FaultOptions, io: CommandIo): Promise<void> {
  const { as: kind, for: forMs, cold = false, json } = options
  const apps = await readApps(io.env)
  const tenant = options.tenant === undefined ? undefined : findApp(apps, options.tenant)
  const order = { dependency, kind, forMs, cold, ...(tenant && { tenant: named(tenant) }) }
  const { faults } = await askAdmin(apps, 'POST /faults', order)
  if (json) return writeAnswer(io, 'local-faults', { faults })
  const own = faults.find((one) => one.dependency === dependency && one.tenantId === tenant?.tenantId)
  const whose = tenant ? `, for ${tenant.tenantId} alone` : ''
  const memory = cold
    ? 'the gateway begins with nothing in memory'
    : 'the gateway goes on with what it has in memory; --cold takes that away'
  const { userPoolId } = tenant ?? apps.apps[0] ?? {}
  const what = `${dependency} ${DOES[kind]}${whose}, until ${own?.until}`
  io.stdout.write(
    `${textAt(0, what, io.stdout)}\n${textAt(0, memory, io.stdout)}\n` +
      `see: corbado-gateway local sign-in ${userPoolId}\nend it: corbado-gateway local fault clear ${dependency}\n`,
  )
}

/** A tenant without what the stack has no use for: its users and their passwords. */
function named({ tenantId, userPoolId, projectId }: ReturnType<typeof findApp>) {
  return { tenantId, userPoolId, projectId }
}

function listCommand(io: CommandIo, path: string): Command {
  return defineCommand(io, {
    path: `${path} list`,
    summary: 'Lists the faults of the embedded stack that last.',
    examples: [`${path} list`],
  })
    .option('--json', JSON_TEXT)
    .action(async (options: { json?: true }) => {
      const { faults } = await askAdmin(await readApps(io.env), 'GET /faults')
      if (options.json) return writeAnswer(io, 'local-faults', { faults })
      io.stdout.write(faults.length === 0 ? 'nothing fails\n' : faultsText(faults, io))
    })
}

function clearCommand(io: CommandIo, path: string): Command {
  return defineCommand(io, {
    path: `${path} clear`,
    summary: 'Ends faults of the embedded stack before their time, and says which. What hangs already goes on hanging.',
    examples: [`${path} clear`, `${path} clear sts`],
  })
    .addArgument(dependencyArgument('[dependency]', 'whose faults end (default: those of all)'))
    .option('--json', JSON_TEXT)
    .action(async (dependency: Dependency | undefined, options: { json?: true }) => {
      const { faults } = await askAdmin(await readApps(io.env), 'POST /faults/clear', { dependency })
      if (options.json) return writeAnswer(io, 'local-faults', { faults })
      io.stdout.write(faults.length === 0 ? 'there was no fault\n' : `ended:\n${faultsText(faults, io)}`)
    })
}

function faultsText(faults: readonly LastingFault[], { stdout }: CommandIo): string {
  const rows = faults.map(({ dependency, kind, tenantId, until }) => [dependency, kind, tenantId ?? 'all', until])
  return textTable(['dependency', 'as', 'tenant', 'until'], rows, stdout)
}

function dependencyArgument(name: string, about: string): Argument {
  // A parser of one's own takes the place of that of the choices, which knows no other names and suggests nothing.
  return new Argument(name, about).choices(DEPENDENCIES).argParser(readDependency)
}

function readDependency(text: string): Dependency {
  const known = DEPENDENCIES.find((name) => name === text) ?? ALSO[text]
  if (known) return known
  const close = closestNames([...DEPENDENCIES, ...Object.keys(ALSO)], text)
  const meant = close.length > 0 ? ` Did you mean ${close.join(' or ')}?` : ''
  throw new InvalidArgumentError(`The gateway depends on ${DEPENDENCIES.join(', ')}.${meant}`)
}

function readTime(text: string): number {
  const ms = durationOf(text) ?? 0
  if (ms > 0 && ms <= FOR_MS_MAX) return ms
  throw new InvalidArgumentError('It must be a number with s, m or h, such as 30s or 5m, and at most 12h.')
}
