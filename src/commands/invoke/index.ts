import { type Command, Option } from 'commander'
import type { Env } from '../../env.js'
import { writeAnswer } from '../../operator/answers/write.js'
import { createAssumeAsDoctor } from '../../operator/as-doctor.js'
import { readConfigRules } from '../../operator/config-rules.js'
import { fetchRecords } from '../../operator/records/find.js'
import { type OperatorSettings, readOperatorSettings } from '../../operator/settings.js'
import { withUpstreams } from '../../operator/upstreams.js'
import { defineCommand } from '../../terminal/command.js'
import { WrongUsage } from '../../terminal/failure.js'
import { type CommandIo, createPaint, writeJson } from '../../terminal/io.js'
import type { OperatorUpstreams } from '../../upstreams/operator.js'
import { type Addressed, address, EXAMPLE_NAMES, EXAMPLES, type ExampleName, readPayload } from './payload.js'
import { type Invoked, invokedJson, invokedText, isWrong } from './report.js'
import { createTryingUpstreams } from './upstreams.js'

interface InvokeOptions {
  readonly tenant?: string
  readonly example?: ExampleName
  readonly write?: true
  readonly json?: true
}

/** `invoke`: one event or action through the gateway's own app in this process. Exit code 1 if it failed. */
export function invokeCommand(io: CommandIo): Command {
  const path = 'corbado-gateway invoke'
  return defineCommand(io, {
    path,
    summary:
      'Sends one Cognito event, or the payload of one action, through the gateway on this machine, with the table, ' +
      'secrets and roles of the region, and says what it decides, why, and what took how long. Changes nothing ' +
      'without --write.',
    examples: [
      `${path} --example verify > event.json`,
      `${path} event.json --tenant acme-shop`,
      `${path} --example pre-login | ${path} - --tenant acme-shop --json`,
    ],
  })
    .argument('[file]', 'JSON of the event or payload; - reads what is piped in')
    .option('--tenant <tenant>', 'make it about this tenant: tenant id, user pool id, or a customer with one pool')
    .option('--write', 'also set MFA preferences, sign in, and have Corbado verify: a proof is used up')
    .option(
      '--json',
      'print { kind: "invocation", ok, proven, assumed, decision?, thrown?, outcome?, reason?, durationMs?, upstream, configVersion?, alias, notDone } or { kind: "invoke-example", name, payload }',
    )
    .addOption(new Option('--example <name>', 'print one to start from, and do nothing').choices(EXAMPLE_NAMES))
    .action(async (file: string | undefined, options: InvokeOptions) => {
      if ((file === undefined) === (options.example === undefined))
        throw new WrongUsage('name one file, or give --example')
      if (options.example) return printExample(options.example, options, io)
      await invokeFile(file ?? '-', options, io)
    })
}

/** As it is sent; with `--json`, as an answer like any other. */
function printExample(name: ExampleName, { json }: InvokeOptions, io: CommandIo): void {
  if (json) writeAnswer(io, 'invoke-example', { name, payload: EXAMPLES[name] })
  else writeJson(io.stdout, EXAMPLES[name])
}

async function invokeFile(file: string, options: InvokeOptions, io: CommandIo): Promise<void> {
  const payload = await readPayload(file, io)
  const settings = readOperatorSettings(io.env, neededBy(payload, io))
  await withUpstreams(io, async (operator, env) => {
    const records = await fetchRecords(operator)
    const addressed = address(payload, records, options.tenant)
    const invoked = await invoke(addressed, { operator, env, settings, options, io })
    if (isWrong(invoked)) io.foundProblems()
    if (options.json) writeAnswer(io, 'invocation', invokedJson(invoked))
    else io.stdout.write(invokedText(invoked, createPaint(io.stdout, io.env)))
  })
}

const isAction = ({ action }: Addressed['payload']) => typeof action === 'string'

/** No trigger calls into a customer's account; nor does an action, if the gateway is self-hosted. */
function neededBy(payload: Addressed['payload'], { env }: CommandIo) {
  const asDoctor = isAction(payload) && !readConfigRules(env).selfHosted
  return asDoctor ? (['gatewayFunctionArn', 'doctorRoleArn'] as const) : (['gatewayFunctionArn'] as const)
}

interface InvokeDeps {
  readonly operator: OperatorUpstreams
  readonly env: Env
  /** All that the payload takes. */
  readonly settings: OperatorSettings & { readonly gatewayFunctionArn: string }
  readonly options: InvokeOptions
  readonly io: CommandIo
}

async function invoke({ payload, alias }: Addressed, deps: InvokeDeps): Promise<Invoked> {
  const { operator, env, settings, options, io } = deps
  const { gatewayFunctionArn, doctorRoleArn } = settings
  const assumeRole =
    isAction(payload) && !env.selfHosted && doctorRoleArn !== undefined
      ? await createAssumeAsDoctor(operator, doctorRoleArn, 'corbado-invoke')
      : operator.assumeRole
  const { upstreams, notDone, assumed } = createTryingUpstreams(operator, assumeRole, options.write === true)
  // Through the alias by which it would really come. A pool of no tenant has none, and any will do.
  const through = isAction(payload) ? env.actionsAlias : (alias ?? 'none')
  // The app takes longer to load than most commands to run.
  const { openApp } = await import('../../in-process.js')
  const app = await openApp(env, upstreams, io.clock)
  try {
    const answer = await app.handle(payload, `${gatewayFunctionArn}:${through}`).then(
      (value) => ({ answer: value, error: undefined }),
      (error: Error) => ({ answer: undefined, error: error.message }),
    )
    return { ...answer, line: app.lines.at(-1) ?? {}, notDone, assumed, alias: through }
  } finally {
    await app.close()
  }
}
