import { MODULE_CHECKSUMS, moduleUrl } from '../../../operator/role/module.js'
import { describeCustomerRole } from '../../../operator/role/role.js'
import { customerRoleTerraform } from '../../../operator/role/terraform.js'
import type { SecurityFacts } from './security.js'

/** The role for a customer who has Terraform: as text that stands by itself, and as a module. */
export function moduleAnnex({ terms, templateUrl }: SecurityFacts): string {
  const { features, functionArns = [], externalId, gatewayRoleArn, doctorRoleArn } = terms
  const role = describeCustomerRole(terms)
  const files = Object.entries(MODULE_CHECKSUMS)
  const [, partition, , , accountId] = role.arn.split(':')
  return `## Annex B: the role as Terraform

Instead of the link of step 1. Change none of the values but those that annex A leaves to you.

\`\`\`hcl
${customerRoleTerraform(role)}\`\`\`

**As a module.** Fetch its files into a folder \`corbado\` of your configuration, and compare their checksums with those of
annex A:

\`\`\`sh
${files.map(([file]) => `curl --fail --create-dirs --output corbado/${file} ${moduleUrl(templateUrl, file)}\n`).join('')}sha256sum ${files.map(([file]) => `corbado/${file}`).join(' ')}
\`\`\`

\`\`\`hcl
module "corbado" {
  source = "./corbado"

  user_pool_arn    = "${role.permissions.Statement[0]?.Resource}"
  external_id      = "${externalId}"
  gateway_role_arn = "${gatewayRoleArn}"
  doctor_role_arn  = "${doctorRoleArn}"
  post_append      = ${features.includes('post-append')}
  post_login       = ${features.includes('post-login')}
  claim            = ${features.includes('claim')}
  checks           = ${features.includes('checks')}
${
  functionArns.length === 0
    ? ''
    : `
  chained_functions = ${JSON.stringify(functionArns)}
`
}
  # If your account asks for a permissions boundary:
  # permissions_boundary = "arn:${partition}:iam::${accountId}:policy/your-boundary"
}
\`\`\`
`
}
