import { randomBytes } from 'node:crypto'
import type { ConfigRules } from '../../env.js'
import type { AliasPlace } from '../../operator/aliases/place.js'
import { issueTexts } from '../../operator/config-rules.js'
import { poolArnIn } from '../../operator/pool/arn.js'
import type { RoleTerms } from '../../operator/role/role.js'
import type { TenantFile } from '../../tenant/config.js'
import { parseTenantFile } from '../../tenant/config-rules.js'
import { WrongUsage } from '../../terminal/failure.js'
import { chooseAlias } from './alias.js'
import { type Answers, draftTenant, featuresOf } from './answers.js'
import { handOverMarkdown } from './hand-over.js'
import { accountHolder, type KnownTenant } from './known.js'
import { tenantYaml } from './yaml.js'

export interface OnboardingRequest {
  /** Checked one by one. */
  readonly answers: Answers
  /** The alias, where somebody chose it. */
  readonly wanted: string | undefined
  readonly known: readonly KnownTenant[]
  readonly rules: ConfigRules
  readonly place: AliasPlace
  readonly settings: Readonly<Record<'gatewayRoleArn' | 'doctorRoleArn' | 'customerTemplateUrl', string>>
  warn(text: string): void
}

/** A new tenant as it is to be written, and what its customer needs. */
export interface Onboarding {
  readonly tenant: TenantFile
  readonly yaml: string
  readonly handOver: string
  readonly terms: RoleTerms
  readonly templateUrl: string
  readonly hostedArn: string
}

/** 128 bits: two customers never get the same, and nobody guesses one. */
const EXTERNAL_ID_BYTES = 16

/** Chooses what is to be chosen and writes up the rest; writes no file. */
export async function draftOnboarding(request: OnboardingRequest): Promise<Onboarding> {
  const { answers, known, rules, place, settings, wanted, warn } = request
  const { parameterPrefix } = rules
  // One for each account, for all its pools (fact A35): made by us, so that no customer can name another one's.
  const externalId =
    accountHolder(known, answers.account)?.externalId ?? `corbado-${randomBytes(EXTERNAL_ID_BYTES).toString('hex')}`
  const draft = (alias: string) => draftTenant(answers, { externalId, alias, parameterPrefix })
  const aws = { accountId: answers.account, region: answers.region }
  const poolArn = poolArnIn(place.region, { userPoolId: answers.pool, aws }) ?? ''
  const alias = await chooseAlias({ place, known, poolArn, wanted, warn })
  const config = draft(alias)
  const tenant = validTenant(config, rules)
  const terms: RoleTerms = {
    userPoolId: tenant.userPoolId,
    accountId: tenant.aws.accountId,
    region: tenant.aws.region,
    externalId,
    features: featuresOf(answers),
    gatewayRoleArn: settings.gatewayRoleArn,
    doctorRoleArn: settings.doctorRoleArn,
  }
  const templateUrl = settings.customerTemplateUrl
  const hostedArn = `${place.functionArn}:${alias}`
  const handOver = handOverMarkdown({ tenant, terms, templateUrl, hostedArn })
  return { tenant, yaml: tenantYaml(config), handOver, terms, templateUrl, hostedArn }
}

/** The answers were checked; what is left to be wrong is the alias. */
function validTenant(config: unknown, rules: ConfigRules): TenantFile {
  const parsed = parseTenantFile(config, rules)
  if (parsed.kind === 'valid') return parsed.file
  throw new WrongUsage(issueTexts(parsed.issues).join('\n  '))
}
