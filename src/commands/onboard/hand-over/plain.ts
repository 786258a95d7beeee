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

/**
 * A jq program that reads what the AWS CLI logs with `--debug`, in which Cognito's answer stands as it came: an AWS CLI leaves
 * out what its own model does not know, and says nothing of it. Stops if it left out a setting, however deep.
 */
export const KEYS_PROGRAM = `# The names of all settings in the answer as it came; in a text that is a value they have a backslash before the quote.
def answered: [match("Response body:\\\\s*b?['\\"](\\\\{.*\\\\})"; "g").captures[0].string | scan("\\"(\\\\w+)\\":") | .[0]] | unique;
def kept: [$read[0] | .. | objects | keys[]] | unique;
if answered == [] then error("no answer in this log: ask Corbado") else . end
| (answered - kept) as $lost
| if $lost == [] then "the AWS CLI knows every setting" else error("your AWS CLI does not know \\($lost | join(", ")): update it, or ask Corbado") end
`

/** What UpdateUserPoolClient takes of DescribeUserPoolClient's answer, under the same name. */
export const CLIENT_TAKEN = [
  ...['UserPoolId', 'ClientId', 'ClientName', 'RefreshTokenValidity', 'AccessTokenValidity', 'IdTokenValidity'],
  ...['TokenValidityUnits', 'ReadAttributes', 'WriteAttributes', 'ExplicitAuthFlows', 'SupportedIdentityProviders'],
  ...['CallbackURLs', 'LogoutURLs', 'DefaultRedirectURI', 'AllowedOAuthFlows', 'AllowedOAuthScopes'],
  ...['AllowedOAuthFlowsUserPoolClient', 'AnalyticsConfiguration', 'PreventUserExistenceErrors'],
  ...['EnableTokenRevocation', 'EnablePropagateAdditionalUserContextData', 'AuthSessionValidity'],
  'RefreshTokenRotation',
]
/** What it tells beside that. */
export const CLIENT_TOLD = ['ClientSecret', 'LastModifiedDate', 'CreationDate', 'ClientType']

/** A jq program that makes UpdateUserPoolClient's request of DescribeUserPoolClient's answer: one flow more, all else as it is. */
export const CLIENT_PROGRAM = `# What UpdateUserPoolClient takes of what DescribeUserPoolClient answers, and what it does not take.
def taken: ${jqList(CLIENT_TAKEN)};
def told: ${jqList(CLIENT_TOLD)};
.UserPoolClient as $client
| ($client | keys - taken - told) as $unknown
| ($client.ExplicitAuthFlows // []) as $flows
| if $unknown != [] then error("unknown settings, ask Corbado: \\($unknown | join(", "))") else . end
# Without any, or under the old names, custom authentication is allowed.
| if any($flows[]; startswith("ALLOW_")) | not then error("nothing to do: this app client allows it already") else . end
| $client
| with_entries(select(.key as $key | taken | index($key)))
| .ExplicitAuthFlows = ($flows + ["ALLOW_CUSTOM_AUTH"] | unique)
`

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
  const file = (name: string) => `${userPoolId}.${name}.json`
  const describe = `aws cognito-idp describe-user-pool ${pool}`
  const check = (name: string) =>
    `${describe} --debug 2>&1 | jq --raw-input --slurp --slurpfile read ${file(name)} -f corbado-keys.jq`
  const update = `aws cognito-idp update-user-pool --region ${region} --cli-input-json file://${file('request')}`
  const client = `aws cognito-idp describe-user-pool-client ${pool} --client-id CLIENT_ID`
  return `## Annex C: the same steps as plain AWS commands

For those who run nobody's package. AWS CloudShell in your account has all that the commands need: \`aws\`, \`jq\`, \`curl\`.
Elsewhere use a current AWS CLI. If a command stops with an error, go no further: nothing has been changed by it.

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

An AWS CLI leaves out, without a word, settings of the pool that are newer than itself, and the update would reset them. So the
answer is read a second time as it came. Save this as \`corbado-keys.jq\`:

\`\`\`jq
${KEYS_PROGRAM}\`\`\`

\`\`\`sh
${describe} > ${file('before-corbado')}
${check('before-corbado')}
\`\`\`

It prints \`the AWS CLI knows every setting\`. If it names settings that your AWS CLI does not know, stop here: update the AWS CLI
and begin step 2 again. If the newest one does not know them either, ask Corbado. Then:

\`\`\`sh
jq --arg verb wire -f corbado.jq ${file('before-corbado')} > ${file('request')}
${update}
${describe} > ${file('after-corbado')}
diff ${file('before-corbado')} ${file('after-corbado')}
\`\`\`

\`diff\` must show the three triggers and \`LastModifiedDate\`, and nothing else.

**Step 3, the app clients.** Look at each app client whose users are to sign in with passkeys: if \`ALLOW_CUSTOM_AUTH\` is among its
\`ExplicitAuthFlows\`, or none of them begins with \`ALLOW_\`, it needs nothing. \`CLIENT_ID\` stands for its id, of the first list:

\`\`\`sh
aws cognito-idp list-user-pool-clients ${pool}
${client} > CLIENT_ID.before-corbado.json
${client} --debug 2>&1 | jq --raw-input --slurp --slurpfile read CLIENT_ID.before-corbado.json -f corbado-keys.jq
\`\`\`

Save this as \`corbado-client.jq\`, for those that need it:

\`\`\`jq
${CLIENT_PROGRAM}\`\`\`

\`\`\`sh
jq -f corbado-client.jq CLIENT_ID.before-corbado.json > CLIENT_ID.request.json
aws cognito-idp update-user-pool-client --region ${region} --cli-input-json file://CLIENT_ID.request.json
${client} > CLIENT_ID.after-corbado.json
diff CLIENT_ID.before-corbado.json CLIENT_ID.after-corbado.json
\`\`\`

\`diff\` must show the flow and \`LastModifiedDate\`, and nothing else. If the app client has a secret, these files hold it: delete
them when all is well.

**Undo** of step 2. That of step 3: take the flow out of \`CLIENT_ID.request.json\`, and send it again.

\`\`\`sh
${describe} > ${file('wired')}
${check('wired')}
jq --arg verb undo -f corbado.jq ${file('wired')} > ${file('request')}
${update}
\`\`\`
`
}
