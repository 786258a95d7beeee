import { CUSTOM_AUTH_SLOTS } from '../../../operator/pool/triggers.js'
import { stackNameOf, templateChecksum, templateParameters } from '../../../operator/role/cloudformation.js'
import type { RoleTerms } from '../../../operator/role/role.js'

/** What UpdateUserPool takes of DescribeUserPool's answer, under the same name. A test compares it with what `wire` sends. */
export const TAKEN = [
  ...['Policies', 'DeletionProtection', 'LambdaConfig', 'AutoVerifiedAttributes', 'SmsVerificationMessage'],
  ...[
    'EmailVerificationMessage',
    'EmailVerificationSubject',
    'VerificationMessageTemplate',
    'SmsAuthenticationMessage',
  ],
  ...['UserAttributeUpdateSettings', 'MfaConfiguration', 'DeviceConfiguration', 'EmailConfiguration'],
  ...['SmsConfiguration', 'UserPoolTags', 'AdminCreateUserConfig', 'UserPoolAddOns', 'DcrConfiguration'],
  ...['AccountRecoverySetting', 'UserPoolTier', 'KeyConfiguration', 'IssuerConfiguration', 'AcrConfiguration'],
]

/** What DescribeUserPool tells beside that. */
export const TOLD = [
  ...['Id', 'Name', 'Arn', 'Status', 'CreationDate', 'LastModifiedDate', 'SchemaAttributes', 'AliasAttributes'],
  ...['UsernameAttributes', 'UsernameConfiguration', 'EstimatedNumberOfUsers', 'SmsConfigurationFailure'],
  ...['EmailConfigurationFailure', 'Domain', 'CustomDomain'],
]

/** Names as a list of jq, a few on each line. */
function jqList(names: readonly string[]): string {
  const lines: string[] = ['']
  for (const name of names) {
    const last = lines.at(-1) ?? ''
    if (last.length + name.length > 90) lines.push('')
    lines[lines.length - 1] += `"${name}", `
  }
  return `[\n${lines
    .map((line) => `    ${line.trim()}`)
    .join('\n')
    .replace(/,$/, '')}\n  ]`
}

/**
 * A jq program that makes UpdateUserPool's request of DescribeUserPool's answer, as `wire` does (fact A24). It stops at a
 * setting that it does not know, at whatever would get lost, and at a trigger that holds another function.
 */
export function updateProgram(hostedArn: string): string {
  return `# What UpdateUserPool takes of what DescribeUserPool answers, and what it does not take.
def taken: ${jqList(TAKEN)};
def told: ${jqList(TOLD)};
def slots: ${JSON.stringify(CUSTOM_AUTH_SLOTS).replaceAll(',', ', ')};
def hosted: "${hostedArn}";
.UserPool as $pool
| ($pool.LambdaConfig // {}) as $triggers
| ($pool | keys - taken - told) as $unknown
| [slots[] | select($triggers[.] != null and $triggers[.] != hosted)] as $held
| if $unknown != [] then error("unknown settings, ask Corbado: \\($unknown | join(", "))") else . end
| if $verb == "wire" and $held != [] then error("other functions hold \\($held | join(", ")): ask Corbado") else . end
| $pool
| with_entries(select(.key as $key | taken | index($key)))
| .UserPoolId = $pool.Id
| .PoolName = $pool.Name
| .LambdaConfig = if $verb == "undo" then ($triggers | with_entries(select(.key as $key | .value != hosted or (slots | index($key) == null))))
    else reduce slots[] as $slot ($triggers; .[$slot] = hosted) end
# AWS's own tags are read, and only AWS may write them.
| .UserPoolTags = ((.UserPoolTags // {}) | with_entries(select(.key | startswith("aws:") | not)))
# One lifetime is answered under two names, and only one may be sent.
| if .Policies.PasswordPolicy.TemporaryPasswordValidityDays then del(.AdminCreateUserConfig.UnusedAccountValidityDays?) else . end
| if .UserPoolTier == "LITE" then del(.AcrConfiguration, .DcrConfiguration) else . end
| if .DcrConfiguration.EnableStatus then . else del(.DcrConfiguration) end
| if (.AccountRecoverySetting.RecoveryMechanisms // []) == [] then del(.AccountRecoverySetting) else . end
| with_entries(select((.key == "LambdaConfig" or .value != {}) and .value != null))
`
}

/** The same steps for a customer who runs nobody's package: the AWS CLI, and jq. */
export function plainAnnex(terms: RoleTerms, templateUrl: string, hostedArn: string): string {
  const { userPoolId, region } = terms
  const Parameters = Object.entries(templateParameters(terms)).map(([ParameterKey, ParameterValue]) => ({
    ParameterKey,
    ParameterValue,
  }))
  const stack = stackNameOf(userPoolId)
  const request = { StackName: stack, Capabilities: ['CAPABILITY_NAMED_IAM'], Parameters }
  const pool = `--region ${region} --output json --user-pool-id ${userPoolId}`
  const update = `aws cognito-idp update-user-pool --region ${region} --cli-input-json file://${userPoolId}.request.json`
  return `## Annex C: the same steps as plain AWS commands

For those who run nobody's package. AWS CloudShell in your account has all that the commands need: \`aws\`, \`jq\`, \`curl\`.
Elsewhere use a current AWS CLI: an old one leaves out settings that it does not know.

**Step 1, the role.** Fetch the template, and compare its checksum with \`${templateChecksum()}\`:

\`\`\`sh
curl --fail --output role.template.json ${templateUrl}
sha256sum role.template.json
\`\`\`

Save this as \`corbado-role.json\`; a permissions boundary is one more parameter, \`PermissionsBoundary\`:

\`\`\`json
${JSON.stringify(request, undefined, 2).replaceAll(/\{\n +("ParameterKey.*)\n +(.*)\n +\}/g, '{ $1 $2 }')}
\`\`\`

\`\`\`sh
aws cloudformation create-stack --region ${region} --template-body file://role.template.json --cli-input-json file://corbado-role.json
aws cloudformation wait stack-create-complete --region ${region} --stack-name ${stack}
\`\`\`

**Step 2, the triggers.** Only for a pool that neither a stack nor Terraform manages: there, change the template. UpdateUserPool
resets every setting that it is not sent. So the request is made of what the pool has now. Save this as \`corbado.jq\`:

\`\`\`jq
${updateProgram(hostedArn)}\`\`\`

\`\`\`sh
aws cognito-idp describe-user-pool ${pool} > ${userPoolId}.before-corbado.json
jq --arg verb wire -f corbado.jq ${userPoolId}.before-corbado.json > ${userPoolId}.request.json
${update}
aws cognito-idp describe-user-pool ${pool} > ${userPoolId}.after-corbado.json
diff ${userPoolId}.before-corbado.json ${userPoolId}.after-corbado.json
\`\`\`

If \`jq\` stops with an error, nothing is changed. \`diff\` must show the three triggers and \`LastModifiedDate\`, and nothing else.

**Undo.**

\`\`\`sh
aws cognito-idp describe-user-pool ${pool} > ${userPoolId}.wired.json
jq --arg verb undo -f corbado.jq ${userPoolId}.wired.json > ${userPoolId}.request.json
${update}
\`\`\`
`
}
