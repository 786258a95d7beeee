import { templateParameters } from './cloudformation.js'
import { partitionOf, type RoleTerms } from './role.js'

const consoles: Record<string, string> = {
  aws: 'console.aws.amazon.com',
  'aws-cn': 'console.amazonaws.cn',
  'aws-us-gov': 'console.amazonaws-us-gov.com',
}

/**
 * The link that opens CloudFormation's console with everything filled in (fact A39). Whoever follows it can change the
 * values and must tick the IAM capability, so what came of it is checked by the doctor.
 */
export function quickCreateLink(templateUrl: string, terms: RoleTerms): string {
  const { region, userPoolId } = terms
  const partition = partitionOf(region)
  // GovCloud's and China's consoles have no name for each region.
  const host = partition === 'aws' ? `${region}.${consoles.aws}` : consoles[partition]
  const query = {
    templateURL: templateUrl,
    stackName: stackNameOf(userPoolId),
    ...Object.fromEntries(Object.entries(templateParameters(terms)).map(([name, value]) => [`param_${name}`, value])),
  }
  const words = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
  return `https://${host}/cloudformation/home?region=${region}#/stacks/create/review?${words.join('&')}`
}

/** Letters, digits and hyphens are all that a stack's name may have. */
export function stackNameOf(userPoolId: string): string {
  return `corbado-${userPoolId.replaceAll('_', '-')}`
}
