import { USER_POOL_ID_PATTERN } from '../../src/ids.js'
import { type Feature, ROLE_VERSION } from '../../src/operator/role/role.js'

/** First line of each file. */
export const HEADER = `# Version ${ROLE_VERSION} of the role. Made by \`npm run generate\` from its one description. Do not edit.\n`

/** Features that can be declined, and the variable that each goes by. */
export const SWITCHES = {
  'post-append': 'post_append',
  'post-login': 'post_login',
  claim: 'claim',
  checks: 'checks',
} as const satisfies {
  [F in Feature]?: string
}

/** The module's variables; each that grants is required, so that nothing is granted unasked. */
export function terraformVariables(): string {
  const role = 'can(regex("^arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/.+$", VALUE))'
  const pool = `userpool/${USER_POOL_ID_PATTERN.slice(1, -1).replaceAll('\\', '\\\\')}`
  return `${HEADER}${[
    text('user_pool_arn', 'ARN of the Cognito user pool, in its primary region', {
      condition: `can(regex("^arn:aws[a-z-]*:cognito-idp:[a-z0-9-]+:[0-9]{12}:${pool}$", VALUE))`,
      error: 'This is not the ARN of a Cognito user pool.',
    }),
    text('external_id', 'As Corbado gave it to you; do not choose it', {
      // Terraform's expressions count to 1,000 at most.
      condition: 'length(VALUE) >= 2 && length(VALUE) <= 1224 && can(regex("^[\\\\w+=,.@:/-]+$", VALUE))',
      error: 'This is not an ExternalId.',
    }),
    text('gateway_role_arn', 'Role of the Corbado gateway', { condition: role, error: ROLE_ERROR }),
    text('doctor_role_arn', 'Role under which Corbado checks the set-up', { condition: role, error: ROLE_ERROR }),
    flag(SWITCHES['post-append'], 'May the gateway set the MFA factor of users who have added a passkey?'),
    flag(
      SWITCHES['post-login'],
      'May the gateway sign users in who have shown a passkey, and hand Corbado their tokens?',
    ),
    flag(SWITCHES.claim, 'May the gateway read an app client whose tokens say that a passkey was used?'),
    flag(SWITCHES.checks, 'May Corbado read the settings of the pool and its app clients, to check the set-up?'),
    FUNCTIONS,
    BOUNDARY,
  ].join('')}`
}

const FUNCTIONS = `
variable "chained_functions" {
  description = "ARNs of your own Lambda functions that answer triggers of the pool"
  type        = list(string)
  default     = []
}
`

const BOUNDARY = `
variable "permissions_boundary" {
  description = "ARN of the policy that bounds the role, if your account asks for one"
  type        = string
  default     = null
}
`

const ROLE_ERROR = 'This is not the ARN of an IAM role.'

function text(name: string, description: string, rule: { condition: string; error: string }): string {
  return `
variable "${name}" {
  description = "${description}"
  type        = string

  validation {
    condition     = ${rule.condition.replaceAll('VALUE', `var.${name}`)}
    error_message = "${rule.error}"
  }
}
`
}

const flag = (name: string, description: string) => `
variable "${name}" {
  description = "${description}"
  type        = bool
}
`
