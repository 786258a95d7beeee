import type { Command } from 'commander'
import { type AliasPlace, withAliases } from '../../operator/aliases/place.js'
import type { AliasPolicy } from '../../operator/aliases/policy.js'
import { type AliasTenant, aliasTenantsOf } from '../../operator/aliases/survey.js'
import { writeAnswer } from '../../operator/answers/write.js'
import { placeText } from '../../operator/place.js'
import { poolOfArn } from '../../operator/pool/arn.js'
import { fetchRecords, findTenant } from '../../operator/records/find.js'
import { operatorCall } from '../../operator/upstreams.js'
import { mayWrite } from '../../terminal/ask.js'
import { defineCommand } from '../../terminal/command.js'
import { NotPossible } from '../../terminal/failure.js'
import { type CommandIo, createPaint } from '../../terminal/io.js'
import { shellWord } from '../../terminal/text.js'
import { assertReadable, editAlias, fetchAliasPolicy } from './edit.js'
import { type AliasChange, changeText, roomText } from './report.js'

interface GrantOptions {
  readonly yes?: true
  readonly json?: true
}

/** `aliases grant`: makes the alias if it is not there, and lets the tenant's pool in. */
export function aliasesGrantCommand(io: CommandIo): Command {
  return defineCommand(io, {
    path: 'corbado-gateway aliases grant',
    summary: "Lets a tenant's pool invoke the gateway through the tenant's alias. Do it before the pool is wired.",
    examples: ['corbado-gateway aliases grant acme-shop', 'corbado-gateway aliases grant eu-central-1_Ac0meSh0p --yes'],
  })
    .argument('<tenant>', 'tenant id, user pool id, or a customer with one pool')
    .option('--yes', 'write the policy even if that takes an earlier ARN of the pool out of it')
    .option('--json', 'print { kind: "aliases-change", written, place, aliases }')
    .action((word: string, options: GrantOptions) => withAliases(io, (place) => grant(word, options, place, io)))
}

async function grant(word: string, options: GrantOptions, place: AliasPlace, io: CommandIo): Promise<void> {
  const tenant = await tenantIn(word, place)
  const { alias } = tenant
  if (alias === place.actionsAlias) {
    throw new NotPossible(
      `${tenant.tenantId} names the actions alias ${alias}, whose policy lets in Corbado's own caller: give the tenant's ` +
        'file another alias and apply it',
    )
  }
  const { aliases } = place.upstreams
  const aliasArn = `${place.functionArn}:${alias}`
  const exists = (await aliases.list(operatorCall())).includes(alias)
  const before = exists ? await fetchAliasPolicy(aliases, alias, aliasArn) : undefined
  if (before) assertReadable(before, alias, aliasArn)
  const pools = ({ ownArns }: AliasPolicy) => withPool(ownArns, tenant)
  const change = changeOf(alias, before, before ? pools(before) : [tenant.poolArn])
  const head = await place.fetchHead()
  if (!options.json) io.stdout.write(`${placeText(head)}${changeText(change, createPaint(io.stdout, io.env))}`)
  const command = `corbado-gateway aliases grant ${shellWord(tenant.tenantId)} --yes`
  if (change.removed.length > 0 && !(await mayWrite(options, command, io))) {
    if (options.json)
      writeAnswer(io, 'aliases-change', { written: false, place: head, aliases: [{ ...change, arn: aliasArn }] })
    return
  }
  if (!exists) await aliases.create(alias, operatorCall())
  const { written, policy } = await editAlias(aliases, { alias, aliasArn, pools })
  if (options.json)
    writeAnswer(io, 'aliases-change', {
      written,
      place: head,
      aliases: [{ ...change, arn: aliasArn, bytesUsed: policy.bytes }],
    })
  else {
    if (!written) io.stdout.write(`${tenant.tenantId} was let in already\n`)
    io.stdout.write(`${roomText(alias, policy)}hosted ARN: ${aliasArn}\n`)
  }
}

/** @throws NotPossible if the tenant has no pool in this region, or its record is no config */
async function tenantIn(word: string, { upstreams, region }: AliasPlace): Promise<AliasTenant> {
  const record = findTenant(await fetchRecords(upstreams), word)
  const [tenant] = aliasTenantsOf([record], region)
  if (tenant) return tenant
  throw new NotPossible(
    `${word} has no pool in ${region}: grant it with AWS_REGION, TENANT_TABLE and GATEWAY_FUNCTION_ARN of its own region`,
  )
}

/** Our statement lets a pool in under one ARN: an earlier one, of another account or region, goes. */
function withPool(now: readonly string[], { userPoolId, poolArn }: AliasTenant): string[] {
  return [...now.filter((arn) => poolOfArn(arn)?.userPoolId !== userPoolId), poolArn]
}

function changeOf(alias: string, before: AliasPolicy | undefined, wanted: readonly string[]): AliasChange {
  const now = before?.ownArns ?? []
  return {
    alias,
    added: wanted.filter((arn) => !now.includes(arn)),
    removed: now.filter((arn) => !wanted.includes(arn)),
    faults: [],
    left: before?.faults ?? [],
  }
}
