import type { UpstreamError } from '../../../errors.js'
import { shellWord } from '../../../terminal/text.js'
import { readAliasPolicy } from '../../aliases/policy.js'
import { attempt, retryFix, saidOf } from '../../attempt.js'
import { dependent, type Finding, failed, notCheckable, passed } from './finding.js'
import type { Patient } from './patient.js'

/** May the pool invoke the gateway's function through the tenant's alias? */
export async function checkGateway(patient: Patient): Promise<Finding[]> {
  const { tenant, upstreams, step, word, hostedArn, settings } = patient
  const [listed, policy] = await Promise.all([
    attempt(upstreams.aliases.list(step())),
    attempt(upstreams.aliases.fetchPolicy(tenant.alias, step())),
  ])
  if (listed.kind === 'fault') {
    const finding = unread('alias', 'lambda:ListAliases', settings.gatewayFunctionArn, listed.fault)
    return [finding, ...dependent(['invoke-permission'], 'alias')]
  }
  if (!listed.value.includes(tenant.alias)) {
    const what = `The gateway's function has no alias ${tenant.alias}.`
    const fix = `operator: corbado-gateway aliases grant ${word} --yes`
    return [failed('alias', what, fix), ...dependent(['invoke-permission'], 'alias')]
  }
  const alias = passed('alias', `The gateway's function has the alias ${tenant.alias}.`)
  if (policy.kind === 'fault') {
    return [alias, unread('invoke-permission', 'lambda:GetResourcePolicy', hostedArn, policy.fault)]
  }
  return [alias, checkPermission(policy.value?.policy, patient)]
}

function unread(check: 'alias' | 'invoke-permission', Action: string, Resource: string, fault: UpstreamError): Finding {
  const what = `The aliases could not be read: ${saidOf(fault)}.`
  if (fault.facts.errorType === 'ResourceNotFoundException') {
    return notCheckable(check, what, `operator: correct GATEWAY_FUNCTION_ARN: there is no function ${Resource}`)
  }
  if (fault.kind !== 'denied') return notCheckable(check, what, retryFix(fault))
  const fix = `operator: use credentials that may call ${Action} on ${Resource}`
  return notCheckable(check, what, fix, { Effect: 'Allow', Action, Resource })
}

/** Does an alias's policy let in the pool, and nothing that it must not? Undefined stands for no policy. */
function checkPermission(
  policy: string | undefined,
  { hostedArn, poolArn = '', tenant, word }: Pick<Patient, 'hostedArn' | 'poolArn' | 'tenant' | 'word'>,
): Finding {
  const { poolArns, faults } = readAliasPolicy(hostedArn, policy)
  if (faults.some(({ kind }) => kind === 'unreadable')) {
    const look = `operator: look at it: aws lambda get-resource-policy --resource-arn ${hostedArn}`
    return failed('invoke-permission', `The policy of the alias ${tenant.alias} cannot be read.`, look)
  }
  const fix = `operator: corbado-gateway aliases grant ${word} --yes`
  if (!poolArns.includes(poolArn)) {
    return failed('invoke-permission', `The alias ${tenant.alias} does not let in ${poolArn}.`, fix)
  }
  if (faults.length > 0) {
    const found = faults.map(({ what }) => what).join('; ')
    const clean = `operator: corbado-gateway aliases clean ${shellWord(tenant.alias)} --yes`
    return failed(
      'invoke-permission',
      `The policy of the alias ${tenant.alias} holds what it must not: ${found}.`,
      clean,
    )
  }
  return passed('invoke-permission', `The alias ${tenant.alias} lets in this pool, for its account only.`)
}
