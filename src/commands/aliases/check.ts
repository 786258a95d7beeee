import type { Command } from 'commander'
import { withAliases } from '../../operator/aliases/place.js'
import {
  type AliasTenant,
  aliasTenantsOf,
  type SurveyedAlias,
  surveyAliases,
  type UnreadableTenant,
  unreadableTenantsOf,
} from '../../operator/aliases/survey.js'
import { writeAnswer } from '../../operator/answers/write.js'
import { placeText } from '../../operator/place.js'
import { poolOfArn } from '../../operator/pool/arn.js'
import { fetchRecords } from '../../operator/records/find.js'
import { inLine } from '../../terminal/clean.js'
import { defineCommand } from '../../terminal/command.js'
import { type CommandIo, createPaint, type Paint } from '../../terminal/io.js'
import { counted, shellWord } from '../../terminal/text.js'

/** `aliases check`: exit code 1 if it finds something. Reads only. */
export function aliasesCheckCommand(io: CommandIo): Command {
  return defineCommand(io, {
    path: 'corbado-gateway aliases check',
    summary: "Finds where the table and the aliases' policies disagree, and says how to fix it.",
    examples: ['corbado-gateway aliases check', 'corbado-gateway aliases check --json'],
  })
    .option('--json', 'print { kind: "aliases-check", pools, aliases, findings }')
    .action(({ json = false }: { json?: boolean }) =>
      withAliases(io, async (place) => {
        const { upstreams, region, actionsAlias } = place
        const records = await fetchRecords(upstreams)
        const tenants = aliasTenantsOf(records, region)
        const unreadable = unreadableTenantsOf(records)
        const aliases = await surveyAliases(place)
        const findings = checkAliases({ tenants, unreadable, aliases, actionsAlias })
        if (findings.length > 0) io.foundProblems()
        const counts = { pools: tenants.length, aliases: aliases.length }
        if (json) writeAnswer(io, 'aliases-check', { ...counts, findings })
        else {
          const head = placeText(await place.fetchHead())
          io.stdout.write(`${head}${checkText(counts, findings, createPaint(io.stdout, io.env))}`)
        }
      }),
    )
}

function checkText(
  counts: { pools: number; aliases: number },
  findings: readonly AliasFinding[],
  paint: Paint,
): string {
  const lines = findings.map(
    ({ kind, alias, what, fix }) =>
      `${paint('red', kind)}  ${inLine(`${alias}: ${what}`)}\n  ${paint('dim', 'fix:')} ${inLine(fix)}\n`,
  )
  const count = findings.length === 0 ? 'nothing to fix' : `${findings.length} to fix`
  const checked = `${counted(counts.pools, 'tenant')} and ${counted(counts.aliases, 'alias', 'aliases')} checked`
  return `${lines.join('')}${checked}: ${count}\n`
}

/** One thing on which the table and the aliases' policies disagree, or that no policy should hold. */
interface AliasFinding {
  /** Kebab case, stable. */
  readonly kind: string
  readonly alias: string
  /** One sentence. */
  readonly what: string
  /** The command that fixes it, if there is one; else what to do. */
  readonly fix: string
}

interface AliasFacts {
  /** Those of this region. */
  readonly tenants: readonly AliasTenant[]
  /** Of any region: theirs cannot be known. */
  readonly unreadable: readonly UnreadableTenant[]
  readonly aliases: readonly SurveyedAlias[]
  readonly actionsAlias: string
}

/** Compares what the table says with what the policies let in. */
function checkAliases({ tenants, unreadable, aliases, actionsAlias }: AliasFacts): AliasFinding[] {
  const ofTenants = aliases.filter(({ alias }) => alias !== actionsAlias)
  return [
    ...tenants.flatMap((tenant) => missingGrant(tenant, ofTenants)),
    ...unreadable.map((tenant) => unreadableConfig(tenant, ofTenants)),
    ...ofTenants.flatMap((one) => {
      const readable = withoutPools(one, new Set(unreadable.map(({ userPoolId }) => userPoolId)))
      return [...strayGrants(readable, tenants), ...policyFaults(one)]
    }),
    ...aliases.filter(({ alias }) => alias === actionsAlias).flatMap(cognitoOnActions),
  ]
}

function missingGrant(tenant: AliasTenant, aliases: readonly SurveyedAlias[]): AliasFinding[] {
  const { tenantId, userPoolId, alias, poolArn } = tenant
  const own = aliases.find((one) => one.alias === alias)
  if (own?.policy.poolArns.includes(poolArn)) return []
  const what = own
    ? `${tenantId} (${userPoolId}) is not let in through its alias, so its logins fail`
    : `${tenantId} (${userPoolId}) names an alias that does not exist`
  return [{ kind: own ? 'not-granted' : 'no-alias', alias, what, fix: grantCommand(tenantId) }]
}

/** It cannot be known which alias the pool belongs behind, so no finding asks to take it out of one. */
function unreadableConfig({ tenantId, userPoolId, alias }: UnreadableTenant, aliases: readonly SurveyedAlias[]) {
  const lets = ({ policy }: SurveyedAlias) => policy.poolArns.some((arn) => poolOfArn(arn)?.userPoolId === userPoolId)
  const letIn = aliases.filter(lets).map((one) => one.alias)
  const where = letIn.length === 0 ? 'is let in nowhere' : `is let in through ${letIn.join(', ')}`
  return {
    kind: 'unreadable-config',
    alias: alias || letIn[0] || '-',
    what: `${tenantId} (${userPoolId}) ${where}, and its config is not one that this version can read`,
    fix: UNREADABLE_FIX,
  }
}

const UNREADABLE_FIX =
  'check with the version that wrote the config, or apply its file again: corbado-gateway tenants apply; revoke nothing before'

/** An alias without certain pools that its policy lets in. */
function withoutPools({ policy, ...alias }: SurveyedAlias, userPoolIds: ReadonlySet<string>): SurveyedAlias {
  const poolArns = policy.poolArns.filter((arn) => !userPoolIds.has(poolOfArn(arn)?.userPoolId ?? ''))
  return { ...alias, policy: { ...policy, poolArns } }
}

/** Pools that may invoke an alias and should not. */
function strayGrants({ alias, policy }: SurveyedAlias, tenants: readonly AliasTenant[]): AliasFinding[] {
  return policy.poolArns.flatMap((arn): AliasFinding[] => {
    const userPoolId = poolOfArn(arn)?.userPoolId ?? ''
    const tenant = tenants.find((one) => one.userPoolId === userPoolId)
    // What others wrote goes first, which leaves everyone in.
    const first = policy.otherArns.includes(arn) ? `${cleanCommand(alias)}, then ` : ''
    const fix = `${first}corbado-gateway aliases revoke ${userPoolId} --alias ${shellWord(alias)} --yes`
    if (!tenant) {
      return [{ kind: 'not-in-table', alias, what: `${userPoolId} is let in, but is no tenant of this region`, fix }]
    }
    if (tenant.alias !== alias) {
      const what = `${tenant.tenantId} (${userPoolId}) is let in here, but its own alias is ${tenant.alias}`
      return [{ kind: 'other-alias', alias, what, fix }]
    }
    if (arn === tenant.poolArn) return []
    const what = `${arn} is let in, but ${tenant.tenantId} is ${tenant.poolArn}`
    return [{ kind: 'other-pool', alias, what, fix: `${first}${grantCommand(tenant.tenantId)}` }]
  })
}

/** What others wrote into a policy goes alone: nobody is let in or taken out by it. */
function policyFaults({ alias, aliasArn, policy }: SurveyedAlias): AliasFinding[] {
  return policy.faults.map(({ kind, what }) => {
    const look = `look at it: aws lambda get-resource-policy --resource-arn ${aliasArn}`
    return { kind, alias, what, fix: kind === 'unreadable' ? look : cleanCommand(alias) }
  })
}

/** Triggers that came through the actions alias would be refused by the gateway; they should not get so far. */
function cognitoOnActions({ alias, policy }: SurveyedAlias): AliasFinding[] {
  if (!policy.namesCognito) return []
  const what = 'lets Cognito in, though only Corbado may invoke actions'
  const fix =
    'take the statement that names cognito-idp.amazonaws.com out of its policy, in the code that deploys the gateway'
  return [{ kind: 'cognito-on-actions', alias, what, fix }]
}

const grantCommand = (tenantId: string) => `corbado-gateway aliases grant ${shellWord(tenantId)} --yes`
const cleanCommand = (alias: string) => `corbado-gateway aliases clean ${shellWord(alias)} --yes`
