import type { UpstreamError } from '../../../../errors.js'
import type { RoleCredentials } from '../../../../upstreams/operator.js'
import { retryFix, saidOf } from '../../../attempt.js'
import { regionOf } from '../../../pool/arn.js'
import { readClients } from '../../../pool/clients.js'
import { checkClientSecret } from '../client-secret.js'
import { type Check, dependent, dependentOne, type Finding, failed, notCheckable, passed } from '../finding.js'
import { noSuchPool, onceAllowed, type Patient } from '../patient.js'
import type { RoleExamined } from '../role.js'
import { CLIENT_CHECKS, checkClients, namedClients } from './clients.js'
import { checkForeign } from './foreign.js'
import { checkNative } from './native.js'
import { checkFactor, checkSettings, SETTING_CHECKS } from './settings.js'
import { checkTriggers, TRIGGER_CHECKS } from './triggers.js'

/** Do the pool's own settings fit? They are read with the right that the customer may have declined to give. */
export async function checkPool(patient: Patient, sessions: RoleExamined['sessions']): Promise<Finding[]> {
  const checks: readonly Check[] = [
    'pool',
    ...TRIGGER_CHECKS,
    ...CLIENT_CHECKS,
    'foreign-clients',
    ...SETTING_CHECKS,
    ...LAST,
  ]
  if (sessions === undefined)
    return [...dependent(checks, 'role-assumable'), await checkClientSecret(patient, undefined)]
  const credentials: RoleCredentials | null = sessions === 'own' ? null : sessions.whole
  const { upstreams, config, poolArn = '', step, clock } = patient
  const region = regionOf(poolArn) || config.aws.region
  const settings = upstreams.userPoolSettings(config.userPoolId, region, credentials)
  const [pool, clients, mfa] = await Promise.all([
    onceAllowed(() => settings.describe(step()), patient),
    onceAllowed(() => readClients(settings, step, clock, Object.values(namedClients(config)).flat()), patient),
    onceAllowed(() => settings.fetchMfaConfig(step()), patient),
  ])
  const factor = mfa.kind === 'answered' ? checkFactor(mfa.value, config) : unread('mfa-factor', mfa.fault, patient)
  const secret = await checkClientSecret(patient, clients.kind === 'answered' ? clients.value : undefined)
  const ofClients =
    clients.kind === 'answered'
      ? [...checkClients(clients.value, config), checkForeign(clients.value, config), secret]
      : [
          unread('app-clients', clients.fault, patient),
          ...dependent([...CLIENT_CHECKS.slice(1), 'foreign-clients'], 'app-clients'),
          secret,
        ]
  if (pool.kind === 'fault') {
    return [
      unread('pool', pool.fault, patient),
      ...dependent([...TRIGGER_CHECKS, ...SETTING_CHECKS, 'native-passkeys'], 'pool'),
      ...ofClients,
      factor,
    ]
  }
  return [
    passed('pool', `The pool is there: ${config.userPoolId} in ${region}.`),
    ...checkTriggers(pool.value, patient),
    ...checkSettings(pool.value, config),
    ...ofClients,
    clients.kind === 'answered'
      ? checkNative(pool.value, clients.value, config)
      : dependentOne('native-passkeys', 'app-clients'),
    factor,
  ]
}

/** What is told after the settings. */
const LAST = ['native-passkeys', 'mfa-factor'] as const satisfies readonly Check[]

const NEEDED = {
  pool: ['cognito-idp:DescribeUserPool'],
  'app-clients': ['cognito-idp:ListUserPoolClients', 'cognito-idp:DescribeUserPoolClient'],
  'mfa-factor': ['cognito-idp:GetUserPoolMfaConfig'],
} as const satisfies { readonly [C in Check]?: readonly string[] }

function unread(check: keyof typeof NEEDED, fault: UpstreamError, { poolArn = '', config }: Patient): Finding {
  const said = saidOf(fault)
  if (fault.kind === 'denied') {
    const who =
      config.aws.roleArn === null ? 'operator: use credentials that allow' : 'customer: let the role also call'
    const fix = `${who} ${NEEDED[check].join(' and ')} on ${poolArn} (the feature \`checks\`)`
    const policy = { Effect: 'Allow', Action: NEEDED[check], Resource: poolArn } as const
    return notCheckable(check, `The pool's settings may not be read: ${said}.`, fix, policy)
  }
  if (fault.facts.errorType === 'ResourceNotFoundException') {
    return (check === 'pool' ? failed : notCheckable)(check, ...noSuchPool(config))
  }
  return notCheckable(check, `The pool's settings could not be read: ${said}.`, retryFix(fault))
}
