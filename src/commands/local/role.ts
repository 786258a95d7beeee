import type { Command } from 'commander'
import { REGION } from '../../local/accounts.js'
import { writeAnswer } from '../../operator/answers/write.js'
import { stackNameOf } from '../../operator/role/cloudformation.js'
import { defineCommand } from '../../terminal/command.js'
import { NotPossible, WrongUsage } from '../../terminal/failure.js'
import { readTextFile } from '../../terminal/file.js'
import type { CommandIo } from '../../terminal/io.js'
import { shellWord } from '../../terminal/text.js'
import { parseUserPoolId } from '../options.js'

interface RoleOptions {
  readonly json?: true
  /** The stack is there already, from an earlier hand-over. */
  readonly update?: true
}

/** `local deploy-role`: what the customer's click on the quick-create link does. */
export function deployRoleCommand(io: CommandIo): Command {
  const path = 'corbado-gateway local deploy-role'
  return defineCommand(io, {
    path,
    summary:
      "Does in the embedded stack what a customer's engineer does in the console of AWS: opens the quick-create link of a " +
      'hand-over, ticks the box on IAM resources and creates the stack, or updates the one that is there. Works with the ' +
      'credentials of the environment.',
    examples: [`${path} acme.hand-over.md`, `${path} acme.hand-over.md --update`],
  })
    .argument('<hand-over>', 'file of the hand-over that has the link, or the link itself, in quotes')
    .option('--update', 'update the stack of an earlier hand-over, as a later one says in step 1')
    .option('--json', 'print { kind: "local-role", stackName, stackId?, roleArn? }')
    .action(async (word: string, options: RoleOptions) => deployRole(word, await linkIn(word), options, io))
}

/** Many times the longest hand-over. */
const HAND_OVER_BYTES_MAX = 1024 * 1024

/**
 * The quick-create link of a hand-over, or the word itself if it is one.
 * @throws WrongUsage if the file cannot be read, or has none
 */
async function linkIn(word: string): Promise<string> {
  if (/^https?:/.test(word)) return word
  const read = await readTextFile(word, HAND_OVER_BYTES_MAX)
  if (read.kind !== 'text') throw new WrongUsage(`${word} ${read.why}`)
  const link = /https:\/\/[^\s()<>]+#\/stacks\/create[^\s()<>]*/.exec(read.text)?.[0]
  if (link === undefined) throw new WrongUsage(`${word} has no quick-create link: is it a hand-over?`)
  return link
}

async function deployRole(word: string, link: string, { json, update }: RoleOptions, io: CommandIo): Promise<void> {
  const { region, stackName, templateUrl, parameters } = parseQuickCreate(link)
  const { createCloudFormationClient, xmlText } = await import('./cloudformation.js')
  const call = createCloudFormationClient(region, io.env)
  const members = Object.entries(parameters).flatMap(([name, value], index) => [
    [`Parameters.member.${index + 1}.ParameterKey`, name],
    [`Parameters.member.${index + 1}.ParameterValue`, value],
  ])
  const asked = {
    StackName: stackName,
    TemplateURL: templateUrl,
    'Capabilities.member.1': 'CAPABILITY_NAMED_IAM',
    ...Object.fromEntries(members),
  }
  await call(update ? 'UpdateStack' : 'CreateStack', asked).catch((error: unknown) => {
    const said = error instanceof NotPossible ? error.message : ''
    if (said.includes('No updates are to be performed')) return
    if (said.includes('AlreadyExistsException')) {
      throw new NotPossible(
        `the stack ${stackName} is there already, and the link only makes one. To change it to what this hand-over says: ` +
          `corbado-gateway local deploy-role ${shellWord(word)} --update`,
      )
    }
    if (update && /\] does not exist/.test(said)) {
      throw new NotPossible(`there is no stack ${stackName} to update: leave out --update`)
    }
    throw error
  })
  const stack = await call('DescribeStacks', { StackName: stackName })
  const [stackId, roleArn] = [xmlText(stack, 'StackId'), xmlText(stack, 'OutputValue')]
  if (json) writeAnswer(io, 'local-role', { stackName, stackId, roleArn })
  else io.stdout.write(`stack ${stackName}: ${xmlText(stack, 'StackStatus')}\nrole  ${roleArn}\n`)
}

/** `local delete-role`: deletes the stack of a pool's role. */
export function deleteRoleCommand(io: CommandIo): Command {
  const path = 'corbado-gateway local delete-role'
  return defineCommand(io, {
    path,
    summary: "Deletes the stack that deploy-role made for a pool, as the hand-over's last step of undoing says.",
    examples: [`${path} eu-central-1_N0rthw1nd`],
  })
    .argument('<userPoolId>', 'id of the user pool', parseUserPoolId)
    .option('--json', 'print { kind: "local-role", stackName, stackId?, roleArn? }')
    .action(async (userPoolId: string, { json }: RoleOptions) => {
      const { createCloudFormationClient } = await import('./cloudformation.js')
      const stackName = stackNameOf(userPoolId)
      await createCloudFormationClient(io.env.AWS_REGION ?? REGION, io.env)('DeleteStack', { StackName: stackName })
      if (json) writeAnswer(io, 'local-role', { stackName })
      else io.stdout.write(`stack ${stackName}: deleted\n`)
    })
}

/** What a quick-create link fills in on CloudFormation's page. */
interface QuickCreate {
  readonly region: string
  readonly stackName: string
  readonly templateUrl: string
  readonly parameters: Readonly<Record<string, string>>
}

/**
 * Reads a quick-create link.
 * @throws WrongUsage for any other text
 */
export function parseQuickCreate(link: string): QuickCreate {
  const url = URL.canParse(link) ? new URL(link) : undefined
  const region = url?.searchParams.get('region')
  const [page, query = ''] = (url?.hash ?? '').split(/\?(.*)/s)
  const words = new URLSearchParams(query)
  const [stackName, templateUrl] = [words.get('stackName'), words.get('templateURL')]
  if (page !== '#/stacks/create/review' || !region || !stackName || !templateUrl) {
    throw new WrongUsage('that is no quick-create link; step 1 of the hand-over has it')
  }
  const parameters = [...words].flatMap(([name, value]) =>
    name.startsWith('param_') ? [[name.slice('param_'.length), value]] : [],
  )
  return { region, stackName, templateUrl, parameters: Object.fromEntries(parameters) }
}
