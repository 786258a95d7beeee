import type { ConfigRules } from '../../env.js'
import { FEATURE_NAMES, USUAL_FEATURES } from '../../operator/role/role.js'
import { type Answers, listWords } from './answers.js'
import {
  type Check,
  chainsCustomAuth,
  checkAccount,
  checkChain,
  checkClients,
  checkFeatures,
  checkMfa,
  checkPool,
  checkPostLogin,
  checkPostLoginSecret,
  checkRegion,
  checkTenantId,
  fits,
  type OnboardPlace,
} from './checks.js'

export interface Question {
  readonly key: keyof Answers
  readonly flag: string
  /** As it is asked, and as `--help` says it. */
  readonly text: string
  /** What `--help` says after it: the choices, and what it is without the flag. */
  readonly help?: string
  readonly check: Check
  /** False if the earlier answers leave only the fallback. */
  readonly isOpen?: (answers: Partial<Answers>) => boolean
  /** It follows from earlier answers: if one of those is missing, this one is not told to be. */
  readonly derived?: true
  /** What an empty answer means; without one, an answer is needed. */
  readonly fallback?: (answers: Partial<Answers>, place: OnboardPlace) => string | undefined
}

/** In the order in which they are asked: a later one may lean on the earlier answers. */
export const QUESTIONS: readonly Question[] = [
  {
    key: 'customer',
    flag: '--customer',
    text: 'customer, the same word in all of its pools, e.g. acme',
    check: fits('customer', '/customer'),
  },
  {
    key: 'displayName',
    flag: '--display-name',
    text: 'name for people',
    help: ' (default: made of the customer)',
    check: fits('displayName', '/displayName'),
    derived: true,
    fallback: ({ customer }) => customer && titleOf(customer),
  },
  { key: 'account', flag: '--account', text: 'AWS account of the customer, 12 digits', check: checkAccount },
  {
    key: 'region',
    flag: '--region',
    text: 'region of the user pool',
    help: ' (default: AWS_REGION, the only one that is possible)',
    check: checkRegion,
    // A pool calls the gateway of its own region: there is one answer.
    isOpen: () => false,
    fallback: (_, { region }) => region,
  },
  { key: 'pool', flag: '--pool', text: 'user pool id, e.g. eu-central-1_Ab12Cd34E', check: checkPool },
  {
    key: 'project',
    flag: '--project',
    text: 'Corbado project, e.g. pro-1234567890',
    check: fits('project', '/corbado/projectId'),
  },
  {
    key: 'backendApiUrl',
    flag: '--backend-api-url',
    text: "base address of Corbado's Backend API",
    help: " (default: Corbado's own, or the first of BACKEND_API_HOSTS)",
    check: fits('backendApiUrl', '/corbado/backendApiUrl'),
    fallback: (_, { rules }) => backendApiUrlOf(rules),
  },
  {
    key: 'flow',
    flag: '--flow',
    text: 'login flow: passkey or password-then-passkey',
    help: ' (default: passkey)',
    check: fits('flow', '/login/flow'),
    fallback: () => 'passkey',
  },
  {
    key: 'features',
    flag: '--features',
    text: 'what the customer lets us do, separated by commas',
    help: `: ${FEATURE_NAMES.join(', ')} (default: ${USUAL_FEATURES.join(',')})`,
    check: checkFeatures,
    fallback: () => USUAL_FEATURES.join(','),
  },
  {
    key: 'mfa',
    flag: '--mfa',
    text: 'MFA factor that users get with a passkey, then asked for with their password: sms, email or software-token',
    help: '; needed with post-append, else none',
    check: checkMfa,
    isOpen: hasPostAppend,
    fallback: (answers) => (hasPostAppend(answers) ? undefined : 'none'),
  },
  {
    key: 'chain',
    flag: '--chain',
    text: "functions that the pool's triggers call now and that go on, as PreSignUp=<ARN> (wire plan names them), separated by commas",
    check: checkChain,
    fallback: () => 'none',
  },
  {
    key: 'clients',
    flag: '--clients',
    text: 'ids of the app clients that are for passkeys, separated by commas; logins of all others go on to the functions',
    check: checkClients,
    isOpen: chainsCustomAuth,
    fallback: (answers) => (chainsCustomAuth(answers) ? undefined : 'all'),
  },
  {
    key: 'postLogin',
    flag: '--post-login',
    text: 'id of the app client through which post-login signs users in',
    check: checkPostLogin,
    isOpen: hasPostLogin,
    fallback: (answers) => (hasPostLogin(answers) ? undefined : 'none'),
  },
  {
    key: 'postLoginSecret',
    flag: '--post-login-secret',
    text: 'has that app client a secret, yes or no',
    check: checkPostLoginSecret,
    isOpen: hasPostLogin,
    fallback: (answers) => (hasPostLogin(answers) ? undefined : 'no'),
  },
  {
    key: 'tenantId',
    flag: '--tenant-id',
    text: 'tenant id, the name in logs and of the file',
    help: ' (default: made of customer and pool)',
    check: checkTenantId,
    derived: true,
    fallback: ({ customer, pool }) => customer && pool && tenantIdFor(customer, pool),
  },
]

/** One that may be answered: Corbado's own, else that of the first host which is allowed by its whole name. */
function backendApiUrlOf({ backendApiHosts }: ConfigRules): string | undefined {
  const hosts = ['backendapi.cloud.corbado.io', ...backendApiHosts.filter((host) => !host.includes('*'))]
  const host = hosts.find((one) => backendApiHosts.includes(one))
  return host && `https://${host}`
}

function hasPostAppend({ features = '' }: Partial<Answers>): boolean {
  return listWords(features).includes('post-append')
}

function hasPostLogin({ features = '' }: Partial<Answers>): boolean {
  return listWords(features).includes('post-login')
}

/** `acme-shop` → `Acme Shop` */
function titleOf(customer: string): string {
  return customer
    .split('-')
    .map((word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`)
    .join(' ')
}

function tenantIdFor(customer: string, pool: string): string {
  const end = `-${pool.split('_').at(-1)}`.toLowerCase()
  return `${customer.slice(0, Math.max(0, 64 - end.length))}${end}`.replace(/^-|-(?=-)/g, '').slice(0, 64)
}
