import type { Command } from 'commander'
import { isUserPoolId, type UserPoolId } from '../../ids.js'
import { type AliasPlace, withAliases } from '../../operator/aliases/place.js'
import { type SurveyedAlias, surveyAliases } from '../../operator/aliases/survey.js'
import { writeAnswer } from '../../operator/answers/write.js'
import { placeText } from '../../operator/place.js'
import { poolOfArn } from '../../operator/pool/arn.js'
import { fetchRecords, findTenant, findTenants } from '../../operator/records/find.js'
import { textOf } from '../../operator/records/record.js'
import { mayWrite } from '../../terminal/ask.js'
import { defineCommand } from '../../terminal/command.js'
import { NotPossible, WrongUsage } from '../../terminal/failure.js'
import { type CommandIo, createPaint } from '../../terminal/io.js'
import { shellWord } from '../../terminal/text.js'
import type { TenantRecord } from '../../upstreams/operator.js'
import { assertReadable, editAlias, fetchAliasPolicy } from './edit.js'
import { type AliasChange, changeText, roomText } from './report.js'

interface RevokeOptions {
  readonly alias?: string
  readonly yes?: true
  readonly json?: true
}

/** `aliases revoke`: the pool's triggers can no longer invoke the gateway. */
export function aliasesRevokeCommand(io: CommandIo): Command {
  return defineCommand(io, {
    path: 'corbado-gateway aliases revoke',
    summary:
      'Shows what would keep a pool from invoking the gateway and, with --yes, writes it. Unwire the pool first.',
    examples: [
      'corbado-gateway aliases revoke acme-shop',
      'corbado-gateway aliases revoke eu-central-1_Ac0meSh0p --alias t-2 --yes',
    ],
  })
    .argument(
      '<tenant>',
      'tenant id, user pool id, or a customer with one pool; a pool that the table does not have, by its id',
    )
    .option(
      '--alias <name>',
      "this alias alone (default: the tenant's; of a pool without a record, all that let it in)",
    )
    .option('--yes', 'write it')
    .option('--json', 'print { kind: "aliases-change", written, place, aliases }')
    .action((word: string, options: RevokeOptions) => withAliases(io, (place) => revoke(word, options, place, io)))
}

async function revoke(word: string, options: RevokeOptions, place: AliasPlace, io: CommandIo): Promise<void> {
  const { userPoolId, status, aliases } = await targetOf(word, options.alias, place)
  for (const one of aliases) assertOnlyOurs(userPoolId, one)
  const changes = aliases.flatMap(({ alias, policy: { ownArns, faults } }): AliasChange[] => {
    const removed = ownArns.filter((arn) => isOf(userPoolId, arn))
    return removed.length > 0 ? [{ alias, added: [], removed, faults: [], left: faults }] : []
  })
  const text = options.json ? () => undefined : (line: string) => io.stdout.write(line)
  const paint = createPaint(io.stdout, io.env)
  const head = await place.fetchHead()
  text(placeText(head))
  for (const change of changes) text(changeText(change, paint))
  if (changes.length === 0) text(`${userPoolId} is not let in; there is nothing to take away\n`)
  else if (status === 'active')
    text(`${userPoolId} is active: passkey logins fail from then on, unless its triggers no longer point here\n`)
  const alias = options.alias === undefined ? '' : ` --alias ${shellWord(options.alias)}`
  const command = `corbado-gateway aliases revoke ${shellWord(word)}${alias} --yes`
  const write = changes.length > 0 && (await mayWrite(options, command, io))
  for (const change of write ? changes : []) text(await carryOut(change, userPoolId, place))
  if (options.json) writeAnswer(io, 'aliases-change', { written: write, place: head, aliases: changes })
}

/**
 * What others wrote is not taken apart here: it may let in more than this pool.
 * @throws NotPossible if it names the pool too, or the policy cannot be read
 */
function assertOnlyOurs(userPoolId: UserPoolId, { alias, aliasArn, policy }: SurveyedAlias): void {
  assertReadable(policy, alias, aliasArn)
  if (!policy.otherArns.some((arn) => isOf(userPoolId, arn))) return
  throw new NotPossible(
    `${alias} names ${userPoolId} in what others wrote into its policy too: nothing was written. ` +
      `Take that out first, which leaves everyone in: corbado-gateway aliases clean ${shellWord(alias)} --yes`,
  )
}

async function carryOut({ alias }: AliasChange, userPoolId: UserPoolId, place: AliasPlace): Promise<string> {
  const { policy } = await editAlias(place.upstreams.aliases, {
    alias,
    aliasArn: `${place.functionArn}:${alias}`,
    pools: ({ ownArns }) => ownArns.filter((arn) => !isOf(userPoolId, arn)),
  })
  return roomText(alias, policy)
}

const isOf = (userPoolId: UserPoolId, arn: string) => poolOfArn(arn)?.userPoolId === userPoolId

interface Target {
  readonly userPoolId: UserPoolId
  readonly status: string
  readonly aliases: readonly SurveyedAlias[]
}

/** The pool that a word names, in the table or not, and the aliases to look at. */
async function targetOf(word: string, asked: string | undefined, place: AliasPlace): Promise<Target> {
  const { upstreams, functionArn, actionsAlias } = place
  const { userPoolId, status, ...own } = poolOf(await fetchRecords(upstreams), word)
  const alias = asked ?? own.alias
  if (alias === actionsAlias) throw new WrongUsage(`${alias} is the actions alias: no pool is let in there`)
  if (alias !== '') {
    const aliasArn = `${functionArn}:${alias}`
    const policy = await fetchAliasPolicy(upstreams.aliases, alias, aliasArn)
    return { userPoolId, status, aliases: [{ alias, aliasArn, policy }] }
  }
  const all = await surveyAliases(place)
  return { userPoolId, status, aliases: all.filter((one) => one.alias !== actionsAlias) }
}

function poolOf(records: readonly TenantRecord[], word: string) {
  // A pool whose record is gone may still be let in.
  if (isUserPoolId(word) && findTenants(records, word).length === 0) return { userPoolId: word, status: '', alias: '' }
  const record = findTenant(records, word)
  return { userPoolId: record.userPoolId, status: textOf(record, 'status'), alias: textOf(record, 'alias') }
}
