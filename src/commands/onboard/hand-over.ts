import { npxLine, undoWords, wireWords } from '../../operator/pool/line.js'
import { CUSTOM_AUTH_SLOTS } from '../../operator/pool/triggers.js'
import { quickCreateLink, stackNameOf } from '../../operator/role/cloudformation.js'
import {
  describeCustomerRole,
  FEATURE_NAMES,
  FEATURES,
  type Feature,
  type RoleTerms,
} from '../../operator/role/role.js'
import { customerRoleTerraform } from '../../operator/role/terraform.js'
import type { TenantFile } from '../../tenant/config.js'
import { markdownText } from '../../terminal/text.js'

/** What a hand-over is made of. */
interface HandOver {
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

For the engineer who looks after the user pool \`${userPoolId}\` (account \`${aws.accountId}\`, region \`${aws.region}\`). Work
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

Ask the person who sent you this page. For anything that fails, send the output of the command and the time; it holds no
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
    ? 'Change none of the values, except this: with `Checks` set to `false` (in Terraform, without the statement\n`Checks`) Corbado cannot read the settings of the pool, and cannot tell you when they stand in the way of passkeys.'
    : 'Change none of the values.'
}

/** How the pool comes to call the gateway, and what its app clients need. */
function wireStep({ userPoolId }: TenantFile, hostedArn: string): string {
  return `## 2. Point the pool's triggers at Corbado

Three triggers of the pool call Corbado's gateway:

| trigger (key in \`LambdaConfig\`) | function |
|---|---|
${CUSTOM_AUTH_SLOTS.map((trigger) => `| \`${trigger}\` | \`${hostedArn}\` |\n`).join('')}
Wait until Corbado has said that the gateway lets your pool in. Then, with credentials of your account that may do the
following, look at what would change, then do it:

| operation | on | why |
|---|---|---|
| \`cognito-idp:DescribeUserPool\`, \`cognito-idp:UpdateUserPool\` | the pool | to read it, and to write it back with the triggers |
| \`cognito-idp:DescribeUserPoolClient\`, \`cognito-idp:ListUserPoolClients\` | the pool | to warn of app clients without passkeys; may be missing |
| \`cloudformation:DescribeStackResources\` | \`*\` | to see whether a stack manages the pool; may be missing |

\`\`\`sh
${npxLine(wireWords('plan', userPoolId, { arn: hostedArn }))}
${npxLine([...wireWords('apply', userPoolId, { arn: hostedArn }), '--snapshot', snapshotOf(userPoolId)])}
\`\`\`

All other settings of the pool stay as they are; a trigger that holds another function is refused, not replaced. Keep the
file \`${snapshotOf(userPoolId)}\`: it is the way back. If a CloudFormation stack has the pool, or its tags say that
Terraform makes it, \`plan\` prints the change for that tool instead, and \`apply\` writes nothing.

Each app client whose users are to sign in with passkeys needs \`ALLOW_CUSTOM_AUTH\` among its \`ExplicitAuthFlows\`, and
should have \`PreventUserExistenceErrors\` \`ENABLED\`.
`
}

/** The way back from every step, the last step first. */
function undoSteps({ userPoolId, aws }: TenantFile): string {
  const stack = stackNameOf(userPoolId)
  return `## How to undo it

- The triggers: \`${npxLine(undoWords(userPoolId, snapshotOf(userPoolId)))}\`. It puts back what step 2
  changed and nothing else. From then on passkey logins fail; all others work as before. Tell Corbado before, so that
  your app stops offering passkeys.
- The role, when Corbado has said that the pool is out, which it checks with this role: delete the stack
  (\`aws cloudformation delete-stack --stack-name ${stack} --region ${aws.region}\`) or take the two resources out of your Terraform configuration.
- MFA factors that were set for users stay; \`aws cognito-idp admin-set-user-mfa-preference\` changes them.
`
}

const snapshotOf = (userPoolId: string) => `${userPoolId}.before-corbado.json`

/** Every operation that the role allows, and what for. */
function permissionsTable(features: readonly Feature[]): string {
  const rows = FEATURE_NAMES.filter((name) => features.includes(name)).flatMap((name) =>
    Object.entries<string>(FEATURES[name].operations).map(
      ([operation, why]) => `| \`cognito-idp:${operation}\` | ${why} |\n`,
    ),
  )
  return `| operation | why: Corbado … |\n|---|---|\n${rows.join('')}`
}

const factors = {
  sms: { name: 'a code by SMS', channel: 'phone number' },
  email: { name: 'a code by e-mail', channel: 'e-mail address' },
  'software-token': { name: 'a code of their authenticator app', channel: undefined },
} as const

/** What users of the pool will notice. */
function whatChanges({ login, actions }: TenantFile, features: readonly Feature[]): string[] {
  const { mfa } = actions.postAppend
  const flow =
    login?.flow === 'password-then-passkey'
      ? 'Users with a passkey enter their password first and then use the passkey.'
      : 'Users with a passkey can sign in with it instead of a password.'
  return [
    `${flow} All other ways to sign in go on working, also while Corbado cannot be reached.`,
    ...(mfa === 'none' ? [] : [mfaWords(mfa)]),
    "Users whom Corbado looks up at a sign-in count towards the pool's monthly active users.",
    ...(features.includes('checks')
      ? []
      : [
          'Corbado may not read the settings of the pool, so it cannot tell you when they stand in the way of passkeys.',
        ]),
  ]
}

function mfaWords(mfa: keyof typeof factors): string {
  const { name, channel } = factors[mfa]
  const reset =
    channel === undefined ? '' : ` Cognito then no longer sends codes for a forgotten password to their ${channel}.`
  const asked = `from then on a sign-in with their password asks for ${name}`
  return `Users who add a passkey and have no MFA factor yet get one: ${asked}.${reset}`
}
