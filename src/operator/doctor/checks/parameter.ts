import { attempt, errorTypeOf, isDenied, retryFix, saidOf } from '../../attempt.js'
import { type Check, type Finding, failed, notCheckable } from './finding.js'
import type { Patient } from './patient.js'

/** A parameter as SSM has it, or what the check is to say without it. */
type ReadParameter =
  | { readonly kind: 'read'; readonly value: Awaited<ReturnType<Patient['upstreams']['fetchParameter']>> }
  | { readonly kind: 'unread'; readonly finding: Finding }

/**
 * Reads one of the tenant's parameters for a check.
 * @param fix what to do if it is not there
 */
export async function readParameter(check: Check, name: string, patient: Patient, fix: string): Promise<ReadParameter> {
  const read = await attempt(patient.upstreams.fetchParameter(name, patient.step()))
  if (read.kind === 'answered') return { kind: 'read', value: read.value }
  const said = saidOf(read.fault)
  if (errorTypeOf(read) === 'ParameterNotFound') {
    return { kind: 'unread', finding: failed(check, `There is no parameter ${name}.`, fix) }
  }
  const what = `${name} could not be read: ${said}.`
  if (!isDenied(read)) return { kind: 'unread', finding: notCheckable(check, what, retryFix(read.fault)) }
  const Resource = parameterArn(name, patient)
  const allow =
    `operator: use credentials that may call ssm:GetParameter on ${Resource}, and kms:Decrypt on its key if that ` +
    'is not aws/ssm'
  const policy = { Effect: 'Allow', Action: 'ssm:GetParameter', Resource } as const
  return { kind: 'unread', finding: notCheckable(check, what, allow, policy) }
}

/** In the gateway's own account and region. */
function parameterArn(name: string, { settings, env }: Patient): string {
  const [, partition, , , accountId] = settings.gatewayFunctionArn.split(':')
  return `arn:${partition}:ssm:${env.awsRegion}:${accountId}:parameter/${name.replace(/^\//, '')}`
}
