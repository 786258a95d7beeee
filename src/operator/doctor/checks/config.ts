import type { ConfigRules } from '../../../env.js'
import { parseTenantFile } from '../../../tenant/config-rules.js'
import { issueTexts } from '../../config-rules.js'
import { type Finding, failed, IN_FILE, passed } from './finding.js'
import type { Patient } from './patient.js'

/** Is the config one that this gateway would serve? Nothing else is tried on one that is not. */
export function checkConfig({ tenant, env, poolArn, word }: Patient): Finding {
  const fault = configFault(tenant, env)
  if (fault) return fault
  if (poolArn === undefined) {
    const { region } = tenant.aws
    return failed(
      'config',
      `The pool is of ${region}, and this gateway of ${env.awsRegion}: Cognito calls functions of its own region alone.`,
      `operator: set AWS_REGION to ${region}, the region of its gateway, then corbado-gateway doctor ${word}; ` +
        `if ${env.awsRegion} is right, correct aws.region ${IN_FILE}`,
    )
  }
  return passed('config', `The config is valid; its hosted ARN ends in ${tenant.alias}.`)
}

/** What is wrong with a config by the rules that `tenants validate` goes by; undefined if nothing is. */
export function configFault(config: unknown, rules: ConfigRules): Finding | undefined {
  const parsed = parseTenantFile(config, rules)
  if (parsed.kind === 'valid') return undefined
  return failed(
    'config',
    `The config is not valid: ${issueTexts(parsed.issues).join('; ')}.`,
    `operator: correct it ${IN_FILE}`,
  )
}
