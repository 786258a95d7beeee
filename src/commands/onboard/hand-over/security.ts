import { stackNameOf, templateChecksum } from '../../../operator/role/cloudformation.js'
import { MODULE_CHECKSUMS, moduleUrl } from '../../../operator/role/module.js'
import {
  describeCustomerRole,
  FEATURE_NAMES,
  FEATURES,
  type Feature,
  ROLE_VERSION,
  type RoleTerms,
} from '../../../operator/role/role.js'
import type { TenantFile } from '../../../tenant/config.js'

/** What the security annex is made of. */
export interface SecurityFacts {
  readonly tenant: TenantFile
  readonly terms: RoleTerms
  readonly templateUrl: string
  readonly hostedArn: string
  /** How many days the gateway's lines are kept; undefined if the operator has not said. */
  readonly logRetentionDays: string | undefined
}

/** What the page says elsewhere too. */
interface Said {
  /** What users of the pool will notice. */
  readonly whatChanges: readonly string[]
  /** Whom a customer asks. */
  readonly who: string
}

/** What a security reviewer asks, in the order in which it is asked, with the answers for this one pool. */
export function securityAnnex(facts: SecurityFacts, { whatChanges, who }: Said): string {
  const answers = [
    trust,
    rights,
    data,
    logging,
    sessions,
    trail,
    boundary,
    review,
    wrongAccount,
    engineer,
    rehearsal,
    out,
  ]
  const changes = `### What changes for your users?\n\n${whatChanges.map((line) => `- ${line}\n`).join('')}`
  const texts = answers.map((answer) => `### ${answer(facts, who)}`)
  return `## Annex A: for the security review\n\n${[changes, ...texts].join('\n')}`
}

const trust = ({ terms }: SecurityFacts) => `Who can use the role, and why does it trust a whole account?

Two roles of Corbado's account \`${gatewayAccount(terms)}\`, and nobody else there:

- \`${terms.gatewayRoleArn}\`, the gateway
- \`${terms.doctorRoleArn}\`, which checks the set-up

The trust policy names the account's root as principal, and these two by \`aws:PrincipalArn\` in its condition: both must
hold, so no other role or user of that account gets in. A role that is named as principal is kept by its internal id, and
would be shut out if Corbado ever had to create it again. Both must bring the ExternalId \`${terms.externalId}\`. Corbado
made it for your account alone; it is no secret, and keeps any other customer's set-up from reaching your role.
`

const rights = ({ terms: { features, functionArns = [] } }: SecurityFacts) => `What can the role do?

This, on this one pool${functionArns.length === 0 ? '' : ' and these functions'}, and nothing else. For users who sign in, a session policy narrows each session to the operations in use.

${permissionsTable(features)}${functionArns.map((arn) => `| \`lambda:InvokeFunction\` on \`${arn}\` | hands it the events of a trigger that it answered before; nothing else of it is touched |\n`).join('')}${
  features.includes('checks')
    ? `
With \`Checks\` set to \`false\` (in Terraform, without the statement \`Checks\`) Corbado cannot read the settings of the pool, and
cannot tell you when they stand in the way of passkeys.
`
    : ''
}`

const data = ({ tenant, terms, hostedArn }: SecurityFacts) => `What personal data leaves the account?

| what | where it goes | why |
|---|---|---|
| the event of each of ${(terms.functionArns ?? []).length === 0 ? 'the three triggers' : 'the triggers of step 2'}: user name and **all** attributes of the user | the gateway, account \`${gatewayAccount(terms)}\`, region \`${hostedArn.split(':')[3]}\` | Cognito puts them into every trigger event, and has no way to leave them out |
| the answer of \`AdminGetUser\` and \`ListUsers\`: **all** attributes of one user | the same | the operations cannot be narrowed to some attributes: IAM has no condition for it, and \`AdminGetUser\` no parameter |
| what the user typed to sign in (${tenant.actions.preLogin?.identifierAttribute ?? 'email'} or user name) | from Corbado to the pool | to find the user |
| the user's Cognito user name | Corbado's Backend API, with the signed passkey data | to check that the passkey is this user's |

Of the attributes the gateway looks at status, enabled, MFA settings, and the one that the user typed. It keeps no user data: it
reads them in memory and forgets them with the request. ${passwords(tenant)} All calls are HTTPS.
`

/** The only event with a password in it is that of a migration. */
const passwords = ({ triggers }: TenantFile) =>
  triggers?.userMigration === undefined || triggers.userMigration === 'pass-through'
    ? 'It never sees a password.'
    : 'It sees the password of a user who is\nmigrated, since Cognito puts it into the event of `UserMigration`, and hands it on to your function alone.'

const logging = ({ logRetentionDays }: SecurityFacts, who: string) => `What does Corbado log, and for how long?

One line for each call: time, pool, trigger or action, app client, outcome, reason, durations, request ids, and a pseudonym of the
user, an HMAC-SHA-256 of pool and user name under a key of Corbado's. **No e-mail address, phone number, user name, typed
identifier, password, code, token or passkey data is ever in a line.** ${
  logRetentionDays === undefined
    ? `How long lines are kept was not known where this page was made: ask\n${who} before you agree to it.`
    : `Lines are kept ${logRetentionDays} days, then deleted.`
}
The values of this page are in Corbado's configuration, without any user data.
`

const sessions = () => `How long does a session last?

At most one hour; its name is \`corbado-<user pool id>\`. The gateway keeps it in memory only. When the role is deleted or its
policy changed, running sessions lose their rights within seconds, since IAM looks at the role for each call. Sessions of the
checks are as long, and end with the command that makes them.
`

const trail = ({
  terms: { features, functionArns = [], userPoolId },
}: SecurityFacts) => `Which CloudTrail events will you see?

| event | when |
|---|---|
| \`CreateStack\`, \`CreateRole\`, \`PutRolePolicy\`, \`UpdateUserPool\`, \`UpdateUserPoolClient\` | once, by your own engineer: steps 1 to 3 |
| \`AssumeRole\`, session \`corbado-${userPoolId}\` | about once an hour from each process of the gateway while users sign in, and at each check |
${features.includes('checks') ? eventRow(features, 'checks', 'at each check of the set-up, before and after it goes live') : ''}${eventRow(features, 'pre-login', 'at each sign-in with a passkey')}${eventRow(features, 'post-append', 'when a user adds a passkey')}${eventRow(features, 'post-login', 'at each sign-in that your application leaves to Corbado')}${eventRow(features, 'claim', 'at sign-ins through an app client with the claim, at most once a minute')}${
  functionArns.length === 0
    ? ''
    : '| `Invoke` (a data event of Lambda, if your trail has those) | for each event of a trigger that goes on to your function |\n'
}
A check calls the operations of the role for a user whom it invents (\`doctor-…\`), and what the role must refuse: itself without
the ExternalId and with a wrong one, \`AdminListGroupsForUser\`, and \`AdminGetUser\` on a pool that does not exist. Those say
\`AccessDenied\`. Any other event under that session name is not the gateway's doing: tell us.
`

const boundary = ({ terms }: SecurityFacts) => `May the role have a permissions boundary?

Yes: give its ARN as \`PermissionsBoundary\` (CloudFormation) or \`permissions_boundary\` (Terraform). It has to allow the operations
above on the pool \`${poolArn(terms)}\`. The name and the path of the role must stay.
`

const review = ({ templateUrl }: SecurityFacts) => `How do you know that what you reviewed is what you deploy?

This is role version ${ROLE_VERSION}, in each of these forms. The stack shows the version in its description, the module in the
first line of each file. Annex C creates the stack from the file that you have checked; annex B has the whole role as text.

| file | where | SHA-256 |
|---|---|---|
| \`role.template.json\` | <${templateUrl}> | \`${templateChecksum()}\` |
${Object.entries(MODULE_CHECKSUMS)
  .map(
    ([file, sha256]) => `| \`${file}\` of the Terraform module | <${moduleUrl(templateUrl, file)}> | \`${sha256}\` |\n`,
  )
  .join('')}`

const wrongAccount = ({ terms: { accountId, region } }: SecurityFacts) => `What stops a wrong account?

The template has rules, the Terraform text a precondition: in any account but \`${accountId}\` (for the template, any region but
\`${region}\`) they refuse before anything is made. \`wire\` reads the pool's ARN and names its account before it writes.
`

/** UpdateUserPool is refused without what it needs for the settings that are sent back (fact A45). */
const engineer = ({ terms }: SecurityFacts) => `Which rights does your engineer need?

| operation | on | why |
|---|---|---|
| \`cloudformation:CreateStack\`, \`cloudformation:DescribeStacks\`, \`cloudformation:DeleteStack\` | the stack \`${stackNameOf(terms.userPoolId)}\` | step 1, and to undo it |
| \`iam:CreateRole\`, \`iam:GetRole\`, \`iam:DeleteRole\`, \`iam:PutRolePolicy\`, \`iam:GetRolePolicy\`, \`iam:DeleteRolePolicy\` | the role | CloudFormation and Terraform make it with your rights |
| \`cognito-idp:DescribeUserPool\`, \`cognito-idp:UpdateUserPool\` | the pool | step 2: to read it, and to send it back with the triggers |
| \`iam:PassRole\` | the role in the pool's \`SmsConfiguration.SnsCallerArn\`, if it sends SMS${smsNote(terms)} | the whole pool is sent back, that role too |
| \`cognito-idp:TagResource\` | the pool, if it has tags | they are sent back |
| \`kms:CreateGrant\` | the key in \`LambdaConfig.KMSKeyID\`, if the pool has a custom sender | it is sent back |
| \`iam:CreateServiceLinkedRole\` | \`AWSServiceRoleForAmazonCognitoIdpEmailService\`, if the pool sends by SES and that role is gone | it is sent back |
| \`cognito-idp:DescribeUserPoolClient\`, \`cognito-idp:ListUserPoolClients\` | the pool | to warn of app clients without passkeys; may be missing |
| \`cognito-idp:UpdateUserPoolClient\` | the pool, if an app client lacks \`ALLOW_CUSTOM_AUTH\` | step 3 |
| \`cloudformation:DescribeStackResources\` | \`*\` | to see whether a stack manages the pool; may be missing |
`

const rehearsal = () => `Where can you rehearse it?

In a staging pool. Ask Corbado for a hand-over of it: same steps, its own values. Do them all, the way back too, then the same in
production.
`

const out = ({ terms }: SecurityFacts) => `How do you shut Corbado out?

Delete the role \`${describeCustomerRole(terms).name}\`: from then on Corbado reads nothing, and no passkey login begins. Take the
triggers off too (annex D), so that nothing calls Corbado either. Other logins are not touched by either.
`

const smsNote = ({ features }: RoleTerms) =>
  features.includes('post-append') ? ' (as it does if SMS is your MFA factor)' : ''

/** The account whose roles the customer's role trusts. */
const gatewayAccount = ({ gatewayRoleArn }: RoleTerms) => gatewayRoleArn.split(':')[4] ?? ''

function poolArn(terms: RoleTerms): string {
  return String(describeCustomerRole(terms).permissions.Statement[0]?.Resource)
}

function eventRow(features: readonly Feature[], feature: Feature, when: string): string {
  if (!features.includes(feature)) return ''
  const operations = Object.keys(FEATURES[feature].operations).map((operation) => `\`${operation}\``)
  return `| ${operations.join(', ')} | ${when} |\n`
}

/** Every operation that the role allows, and what for. */
function permissionsTable(features: readonly Feature[]): string {
  const rows = FEATURE_NAMES.filter((name) => features.includes(name)).flatMap((name) =>
    Object.entries<string>(FEATURES[name].operations).map(
      ([operation, why]) => `| \`cognito-idp:${operation}\` | ${why} |\n`,
    ),
  )
  return `| operation | why: Corbado … |\n|---|---|\n${rows.join('')}`
}
