import { randomBytes } from 'node:crypto'
import { Document, isMap, isPair, isScalar, visit } from 'yaml'
import type { ConfigRules } from '../../env.js'
import { isUpstreamError } from '../../errors.js'
import { hasRoom, planAlias } from '../../operator/aliases/choose.js'
import type { AliasPlace } from '../../operator/aliases/place.js'
import { type SurveyedAlias, surveyAliases } from '../../operator/aliases/survey.js'
import { saidOf } from '../../operator/attempt.js'
import { issueTexts } from '../../operator/config-rules.js'
import { poolArnIn } from '../../operator/pool/arn.js'
import { chainedFunctions, type Feature, type RoleTerms } from '../../operator/role/role.js'
import type { TenantFile } from '../../tenant/config.js'
import { parseTenantFile } from '../../tenant/config-rules.js'
import { NotPossible, WrongUsage } from '../../terminal/failure.js'
import { type Answers, draftTenant, featuresOf } from './answers.js'
import { type HandOver, handOverMarkdown } from './hand-over/index.js'
import { accountHolder, type KnownTenant } from './known.js'

/** What a hand-over says of the gateway's side. */
export type RoleSettings = Readonly<Record<'gatewayRoleArn' | 'doctorRoleArn' | 'customerTemplateUrl', string>>

interface OnboardingRequest {
  /** Checked one by one. */
  readonly answers: Answers
  /** The alias, if `--alias` names one. */
  readonly wanted: string | undefined
  readonly known: readonly KnownTenant[]
  readonly rules: ConfigRules
  readonly place: AliasPlace
  readonly settings: RoleSettings
  /** What the hand-over says of itself. */
  readonly page: Pick<HandOver, 'contact' | 'written' | 'validUntil' | 'logRetentionDays'>
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

/** 128 bits: two customers never get the same, and none can be guessed. */
const EXTERNAL_ID_BYTES = 16

/** Chooses what is to be chosen and writes up the rest; writes no file. */
export async function draftOnboarding(request: OnboardingRequest): Promise<Onboarding> {
  const { answers, known, rules, place, settings, page, wanted, warn } = request
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
  const terms = termsOf(tenant, featuresOf(answers), settings)
  const templateUrl = settings.customerTemplateUrl
  const hostedArn = `${place.functionArn}:${alias}`
  const handOver = handOverMarkdown({ tenant, terms, templateUrl, hostedArn, ...page })
  return { tenant, yaml: tenantYaml(config), handOver, terms, templateUrl, hostedArn }
}

/** What the customer's role is made of. */
export function termsOf(
  { userPoolId, aws, triggers }: TenantFile,
  features: readonly Feature[],
  settings: RoleSettings,
) {
  return {
    userPoolId,
    accountId: aws.accountId,
    region: aws.region,
    externalId: aws.externalId ?? '',
    features,
    functionArns: chainedFunctions({ triggers }),
    gatewayRoleArn: settings.gatewayRoleArn,
    doctorRoleArn: settings.doctorRoleArn,
  } satisfies RoleTerms
}

/** The answers were checked; what is left to be wrong is the alias. */
function validTenant(config: unknown, rules: ConfigRules): TenantFile {
  const parsed = parseTenantFile(config, rules)
  if (parsed.kind === 'valid') return parsed.file
  throw new WrongUsage(issueTexts(parsed.issues).join('\n  '))
}

/** What the choice of an alias is made of. */
interface AliasQuestion {
  readonly place: AliasPlace
  readonly known: readonly KnownTenant[]
  /** The new pool's. */
  readonly poolArn: string
  /** What `--alias` wants it to be. */
  readonly wanted: string | undefined
  /** Called if the policies cannot be read: files and table alone then decide. */
  warn(text: string): void
}

/**
 * Chooses the alias of a new tenant, one with room for all the pools that it has and will have.
 * @throws NotPossible if the wanted one has none
 */
async function chooseAlias({ place, known, poolArn, wanted, warn }: AliasQuestion): Promise<string> {
  const { functionArn, actionsAlias, region } = place
  const surveyed = await surveyAliases(place).catch((error: unknown): SurveyedAlias[] => {
    if (!isUpstreamError(error)) throw error
    warn(
      `the policies of the aliases could not be read (${saidOf(error)}); aliases grant will say whether there is room`,
    )
    return []
  })
  const configs = known.flatMap(({ config }) => config ?? [])
  const names = new Set([...surveyed, ...configs].map(({ alias }) => alias))
  const uses = [...names, actionsAlias].map((alias) => {
    const policy = surveyed.find((one) => one.alias === alias)?.policy
    const poolArns = [...new Set([...(policy?.poolArns ?? []), ...poolArnsOf(configs, alias, region)])]
    return { alias, poolArns, closed: alias === actionsAlias || (policy !== undefined && policy.faults.length > 0) }
  })
  if (wanted === undefined) return planAlias(uses, poolArn, functionArn).alias
  const { poolArns } = uses.find(({ alias }) => alias === wanted) ?? { poolArns: [] }
  if (hasRoom(`${functionArn}:${wanted}`, [...poolArns, poolArn])) return wanted
  throw new NotPossible(`--alias ${wanted} has no room for another pool: leave it out, and one with room is chosen`)
}

function poolArnsOf(configs: readonly TenantFile[], alias: string, region: string): string[] {
  return configs.flatMap((config) => (config.alias === alias ? (poolArnIn(region, config) ?? []) : []))
}

/** What a new file says of its fields, by their path. */
const comments: Readonly<Record<string, string>> = {
  tenantId: 'unique, and the name of this file',
  customer: 'the same in every pool of one customer',
  status: 'draft until `tenants activate`',
  alias: "the pool's triggers point at this alias of the gateway's function",
  'aws.accountId': 'in quotes: it is a text, and may begin with a zero',
  'aws.externalId': 'of this account, for all its pools; not a secret',
  'corbado.credentialParameter': 'the name of the secret, never the secret: `secret set` stores that',
  'corbado.credentialScheme': 'basic (base64 of projectID:apiSecret) or bearer',
  'login.flow': 'passkey, or password-then-passkey',
  'actions.preLogin.identifierAttribute': 'email, phone_number or preferred_username',
  'actions.postAppend.mfa': 'sms, email, software-token or none: changes how users sign in with a password',
  'actions.postLogin.clientId': 'must allow custom authentication; with a secret, clientSecretParameter too',
  'actions.postLogin.clientSecretParameter': "the name of that app client's secret: `secret set --client` stores it",
}

/** A config as the text of a tenant's file, with a word on the fields that need one. */
export function tenantYaml(config: Readonly<Record<string, unknown>>): string {
  const document = new Document(config)
  document.commentBefore = ' yaml-language-server: $schema=./schema.json'
  visit(document, {
    Pair(_, { key, value }, path) {
      const names = [...path.filter(isPair).map((pair) => pair.key), key]
      const comment = comments[names.map((name) => (isScalar(name) ? name.value : name)).join('.')]
      if (comment !== undefined && isScalar(value)) value.comment = ` ${comment}`
      // A blank line before each group of fields.
      if (isMap(value) && names.length === 1 && isScalar(key)) key.spaceBefore = true
    },
  })
  return document.toString({ lineWidth: 0 })
}
