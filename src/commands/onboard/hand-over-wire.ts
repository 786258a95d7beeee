import { stackNameOf } from '../../operator/role/link.js'
import type { TenantFile } from '../../tenant/config.js'
import { npxLine } from '../wire/text.js'

/** How the pool comes to call the gateway, and what its app clients need. */
export function wireStep({ userPoolId }: TenantFile, hostedArn: string): string {
  return `## 2. Point the pool's triggers at Corbado

Three triggers of the pool call Corbado's gateway:

| trigger (key in \`LambdaConfig\`) | function |
|---|---|
${customAuthTriggers.map((trigger) => `| \`${trigger}\` | \`${hostedArn}\` |\n`).join('')}
Wait until Corbado has said that the gateway lets your pool in. Then, with credentials of your account that may do the
following, look at what would change, then do it:

| operation | on | why |
|---|---|---|
| \`cognito-idp:DescribeUserPool\`, \`cognito-idp:UpdateUserPool\` | the pool | to read it, and to write it back with the triggers |
| \`cognito-idp:DescribeUserPoolClient\`, \`cognito-idp:ListUserPoolClients\` | the pool | to warn of app clients without passkeys; may be missing |
| \`cloudformation:DescribeStackResources\` | \`*\` | to see whether a stack manages the pool; may be missing |

\`\`\`sh
${wireCommand('plan', userPoolId, '--arn', hostedArn)}
${wireCommand('apply', userPoolId, '--arn', hostedArn, '--snapshot', snapshotOf(userPoolId))}
\`\`\`

All other settings of the pool stay as they are; a trigger that holds another function is refused, not replaced. Keep the
file \`${snapshotOf(userPoolId)}\`: it is the way back. If a CloudFormation stack has the pool, or its tags say that
Terraform makes it, \`plan\` prints the change for that tool instead, and \`apply\` writes nothing.

Each app client whose users are to sign in with passkeys needs \`ALLOW_CUSTOM_AUTH\` among its \`ExplicitAuthFlows\`, and
should have \`PreventUserExistenceErrors\` \`ENABLED\`.
`
}

/** The way back from every step, the last step first. */
export function undoSteps({ userPoolId, aws }: TenantFile): string {
  const stack = stackNameOf(userPoolId)
  return `## How to undo it

- The triggers: \`${wireCommand('undo', userPoolId, '--snapshot', snapshotOf(userPoolId))}\`. It puts back what step 2
  changed and nothing else. From then on passkey logins fail; all others work as before. Tell Corbado before, so that
  your app stops offering passkeys.
- The role, after that: delete the stack
  (\`aws cloudformation delete-stack --stack-name ${stack} --region ${aws.region}\`) or take the two resources out of your Terraform configuration.
- MFA factors that were set for users stay; \`aws cognito-idp admin-set-user-mfa-preference\` changes them.
`
}

const customAuthTriggers = ['DefineAuthChallenge', 'CreateAuthChallenge', 'VerifyAuthChallengeResponse']

const snapshotOf = (userPoolId: string) => `${userPoolId}.before-corbado.json`

const wireCommand = (...words: string[]) => npxLine(['wire', ...words])
