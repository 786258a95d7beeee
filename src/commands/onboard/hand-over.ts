import { quickCreateLink } from '../../operator/role/link.js'
import { describeCustomerRole, type RoleTerms } from '../../operator/role/role.js'
import { customerRoleTerraform } from '../../operator/role/terraform.js'
import type { TenantFile } from '../../tenant/config.js'
import { markdownText } from '../../terminal/text.js'
import { undoSteps, wireStep } from './hand-over-wire.js'
import { permissionsTable, whatChanges } from './hand-over-words.js'

/** What a hand-over is made of. */
export interface HandOver {
  readonly tenant: TenantFile
  readonly terms: RoleTerms
  /** Address of the role's CloudFormation template. */
  readonly templateUrl: string
  /** ARN of the gateway's function with the tenant's alias. */
  readonly hostedArn: string
}

/** What the customer's engineer is to do, as Markdown: every step with its reason and the way back. */
export function handOverMarkdown(handOver: HandOver): string {
  const { tenant, terms, hostedArn } = handOver
  const { userPoolId, aws, displayName } = tenant
  return `# Passkeys for ${markdownText(displayName)}: what to set up in your AWS account

For whoever looks after the user pool \`${userPoolId}\` (account \`${aws.accountId}\`, region \`${aws.region}\`). Work
through it in order; it takes about ten minutes. No step changes a user, and each can be undone.

${roleStep(handOver)}
${wireStep(tenant, hostedArn)}
## 3. Tell Corbado

Corbado then checks everything from its side and switches passkeys on. Until then your users notice nothing.

## What changes for your users

${whatChanges(tenant, terms.features)
  .map((line) => `- ${line}\n`)
  .join('')}
${undoSteps(tenant)}
## Questions

Ask whoever sent you this page. For anything that fails, send the output of the command and the time; it holds no
secret. Please do not change the triggers in the Cognito console later: it does not show functions of other accounts, and
saving there can remove them.
`
}

function roleStep({ tenant, terms, templateUrl }: HandOver): string {
  const { arn, name } = describeCustomerRole(terms)
  return `## 1. Create the role that Corbado uses

The role \`${name}\` lets Corbado's gateway do the following on this one user pool, and nothing else:

${permissionsTable(terms.features)}
Two roles of Corbado's can use it, the gateway's and the one that checks the set-up:

- \`${terms.gatewayRoleArn}\`
- \`${terms.doctorRoleArn}\`

and only with the ExternalId \`${terms.externalId}\`, which Corbado made for your account. It is no
secret. ${keepValues(terms)}

**With CloudFormation:** open this link while signed in to account \`${tenant.aws.accountId}\`, tick the box on IAM
resources, and choose *Create stack*:

<${quickCreateLink(templateUrl, terms)}>

**Or with Terraform:**

\`\`\`hcl
${customerRoleTerraform(describeCustomerRole(terms))}\`\`\`

Either way you then have the role \`${arn}\`. Tell Corbado when
it is there.
`
}

function keepValues({ features }: RoleTerms): string {
  return features.includes('checks')
    ? 'Change none of the values, but for this: with `Checks` set to `false` (in Terraform, without the statement\n`Checks`) Corbado cannot read the settings of the pool, and cannot tell you when they stand in the way of passkeys.'
    : 'Change none of the values.'
}
