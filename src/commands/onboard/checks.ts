import type { ConfigRules } from '../../env.js'
import { CUSTOM_AUTH_SLOTS, isSlot, SLOTS, triggerOfSlot } from '../../operator/pool/triggers.js'
import { FEATURE_NAMES } from '../../operator/role/role.js'
import { parseTenantFile } from '../../tenant/config-rules.js'
import { type Answers, chainWords, draftTenant, listWords } from './answers.js'
import { accountHolder, type KnownTenant } from './known.js'

/** What answers are checked against. */
export interface OnboardPlace {
  readonly rules: ConfigRules
  /** Of the gateway that the tenant is to use. */
  readonly region: string
  readonly known: readonly KnownTenant[]
}

/** Says what is wrong with an answer, completing "<flag> …"; undefined if nothing is. Earlier answers are given. */
export type Check = (value: string, answers: Partial<Answers>, place: OnboardPlace) => string | undefined

/** Fills the places of the other answers, so that one can be checked by the rules for a whole config. */
const sample: Answers = {
  customer: 'acme',
  displayName: 'Acme',
  account: '111122223333',
  region: 'eu-central-1',
  pool: 'eu-central-1_Ab12Cd34E',
  project: 'pro-1',
  backendApiUrl: 'https://backendapi.cloud.corbado.io',
  flow: 'passkey',
  features: 'pre-login',
  mfa: 'none',
  chain: 'none',
  clients: 'all',
  postLogin: 'none',
  postLoginSecret: 'no',
  tenantId: 'acme',
}

/** Checks an answer by the rules for tenant files; `path` is where it stands in one. */
export function fits(key: keyof Answers, path: string): Check {
  return (value, _, { rules }) => issueAt(path, { [key]: value }, rules)
}

function issueAt(path: string, answers: Partial<Answers>, rules: ConfigRules): string | undefined {
  const chosen = { externalId: 'corbado-0', alias: 't-1', parameterPrefix: rules.parameterPrefix }
  const parsed = parseTenantFile(draftTenant({ ...sample, ...answers }, chosen), rules)
  return parsed.kind === 'valid' ? undefined : parsed.issues.find((issue) => issue.path === path)?.message
}

/** An account's ExternalId is for one customer: another one must not get it with a mistyped number. */
export const checkAccount: Check = (value, { customer }, place) => {
  const issue = fits('account', '/aws/accountId')(value, {}, place)
  if (issue !== undefined) return issue
  const holder = accountHolder(place.known, value)
  if (!holder || holder.customer === customer) return undefined
  return `is that of customer ${holder.customer} (${holder.where}), and an account is of one customer: name that one with --customer, or correct the account`
}

export const checkRegion: Check = (value, _, place) => {
  const issue = fits('region', '/aws/region')(value, {}, place)
  if (issue !== undefined || value === place.region) return issue
  return `must be ${place.region}: a pool calls the gateway of its own region, and AWS_REGION says which one this is`
}

export const checkPool: Check = (value, { region }, place) => {
  const holder = place.known.find(({ userPoolId }) => userPoolId === value)
  return holder
    ? `is tenant ${holder.tenantId} already (${holder.where})`
    : issueAt('/userPoolId', { pool: value, region: region ?? place.region }, place.rules)
}

export const checkTenantId: Check = (value, _, place) => {
  const holder = place.known.find(({ tenantId }) => tenantId === value)
  return holder ? `is used already (${holder.where})` : fits('tenantId', '/tenantId')(value, {}, place)
}

export const checkFeatures: Check = (value) => {
  const words = listWords(value)
  if (!words.every((word) => FEATURE_NAMES.some((name) => name === word))) {
    return `must be names of ${FEATURE_NAMES.join(', ')}, separated by commas`
  }
  return words.includes('pre-login') ? undefined : 'must hold pre-login, which the gateway serves for every tenant'
}

export const checkMfa: Check = (value, { features = '' }, place) => {
  const issue = fits('mfa', '/actions/postAppend/mfa')(value, {}, place)
  if (issue !== undefined) return issue
  if (listWords(features).includes('post-append')) {
    return value === 'none' ? 'must name a factor, or the features leave post-append out' : undefined
  }
  return value === 'none' ? undefined : 'must be none, or the features hold post-append'
}

/** Each function by the rules for a tenant's file; that the app clients are named too is for {@link checkClients}. */
export const checkChain: Check = (value, { account, region }, place) => {
  const words = chainWords(value)
  const strange = words.find(([slot, arn]) => !isSlot(slot) || arn === '')
  if (strange)
    return `must be none, or <slot>=<ARN of its function> joined by commas, and <slot> one of ${SLOTS.join(', ')}`
  const twice = words.find(([slot], index) => words.findIndex(([one]) => one === slot) !== index)
  if (twice) return `must name ${twice[0]} once`
  const of = { chain: value, ...(account !== undefined && { account }), region: region ?? place.region }
  const paths = SLOTS.flatMap((slot) => [
    `/triggers/${triggerOfSlot(slot)}`,
    `/triggers/${triggerOfSlot(slot)}/functionArn`,
  ])
  const path = paths.find((one) => issueAt(one, of, place.rules) !== undefined)
  const slot = path && SLOTS.find((one) => path.startsWith(`/triggers/${triggerOfSlot(one)}`))
  return path && `${slot} ${issueAt(path, of, place.rules)}`
}

/** Do the functions of an answer have custom authentication among them? Then both sides of the split must be named. */
export function chainsCustomAuth({ chain = 'none' }: Partial<Answers>): boolean {
  return chainWords(chain).some(([slot]) => CUSTOM_AUTH_SLOTS.some((one) => one === slot))
}

export const checkClients: Check = (value, answers, place) => {
  if (value === 'all') {
    return chainsCustomAuth(answers)
      ? 'must name the app clients that are for passkeys: the functions get the logins of all others'
      : undefined
  }
  const words = listWords(value)
  const paths = ['/login/clientIds', ...words.map((_, index) => `/login/clientIds/${index}`)]
  return paths.map((path) => issueAt(path, { clients: value }, place.rules)).find((issue) => issue !== undefined)
}

export const checkPostLogin: Check = (value, { features = '', clients = 'all', flow = 'passkey' }, place) => {
  if (!listWords(features).includes('post-login')) {
    return value === 'none' ? undefined : 'must be none, or the features hold post-login'
  }
  if (value === 'none') return 'must name an app client, or the features leave post-login out'
  const of = { postLogin: value, clients, flow }
  return issueAt('/actions/postLogin/clientId', of, place.rules) ?? issueAt('/actions/postLogin', of, place.rules)
}

export const checkPostLoginSecret: Check = (value, { features = '' }) => {
  if (value !== 'yes' && value !== 'no') return 'must be yes or no'
  const isOf = listWords(features).includes('post-login')
  return value === 'no' || isOf ? undefined : 'must be no, or the features hold post-login'
}
