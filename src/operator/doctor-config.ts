import { parseTenantFile } from '../tenant/config-rules.js'
import { type Finding, failed, passed } from './doctor-finding.js'
import type { Patient } from './doctor-patient.js'

/** Is the config one that this gateway would serve? Nothing else is tried on one that is not. */
export function checkConfig({ tenant, env, poolArn, word }: Patient): Finding {
  const mend = `in the tenant's file, then: corbado-gateway tenants apply`
  const parsed = parseTenantFile(tenant, env)
  if (parsed.kind === 'invalid') {
    const issues = parsed.issues.map(({ path, message }) => `${path.slice(1).replaceAll('/', '.')} ${message}`)
    return failed('config', `The config is not valid: ${issues.join('; ')}.`, `operator: correct it ${mend}`)
  }
  if (poolArn === undefined) {
    const { region } = tenant.aws
    return failed(
      'config',
      `The pool is of ${region}, and this gateway of ${env.awsRegion}: Cognito calls functions of its own region alone.`,
      `operator: examine it where its gateway is: AWS_REGION=${region} corbado-gateway doctor ${word}; ` +
        `where ${env.awsRegion} is right, correct aws.region ${mend}`,
    )
  }
  return passed('config', `The config is valid; its hosted ARN ends in ${tenant.alias}.`)
}
