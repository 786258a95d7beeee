import { GATEWAY_VERSION } from '../../../env.js'
import { fieldsOf, textAt } from '../../../fields.js'
import {
  clientWords,
  npxLine,
  type SlotChains,
  snapshotName,
  TARBALL,
  undoWords,
  wireWords,
} from '../../../operator/pool/line.js'
import { CUSTOM_AUTH_SLOTS, SLOTS, triggerOfSlot } from '../../../operator/pool/triggers.js'
import { quickCreateLink, stackNameOf } from '../../../operator/role/cloudformation.js'
import { type Feature, ROLE_VERSION } from '../../../operator/role/role.js'
import type { TenantFile } from '../../../tenant/config.js'
import { markdownText } from '../../../terminal/text.js'
import { moduleAnnex } from './module.js'
import { plainAnnex } from './plain.js'
import { type SecurityFacts, securityAnnex } from './security.js'

/** What a hand-over is made of. */
export interface HandOver extends SecurityFacts {
  /** Who at Corbado answers questions; undefined: whoever sends the page. */
  readonly contact: string | undefined
  /** Days, such as 2026-11-29. */
  readonly written: string
  readonly validUntil: string
  /** Did the customer have a page of this pool before? */
  readonly again?: boolean
}

/**
 * What the customer's engineer is to do, as Markdown: the steps on one page, then all that a reviewer or others ask. The
 * customer's part is tried from this text alone by a test, so all of it that is a command needs no quotes in any shell.
 */
export function handOverMarkdown(handOver: HandOver): string {
  const { tenant, terms, templateUrl, hostedArn } = handOver
  const { userPoolId, aws, displayName } = tenant
  const who = contactOf(handOver)
  return `# Passkeys for ${markdownText(displayName)}: what to set up in your AWS account

For the engineer who looks after the user pool \`${userPoolId}\` in \`${aws.region}\`, account \`${aws.accountId}\`: four
steps, about ten minutes. No step changes a user, and each can be undone (annex D). Later, with passkeys on, ${
    tenant.actions.postAppend.mfa === 'none'
      ? 'nothing\nchanges a user either'
      : 'one\nthing does: a user who adds a passkey and has no MFA factor gets one'
  } ([what changes](#what-changes-for-your-users)). Annex A
answers what a security review asks, and says where to rehearse.

Questions to ${who}. Made ${handOver.written} by version ${GATEWAY_VERSION}, with role version ${ROLE_VERSION}; valid
until ${handOver.validUntil}. After that, ask for another page: Corbado makes it again from what it knows.${againText(handOver)}

${roleStep(handOver)}
${wireStep(tenant, hostedArn)}
${clientStep(tenant)}
## 4. Tell Corbado

Corbado then checks everything from its side and switches passkeys on. Until then your users notice nothing.

If a step fails, send the output of the command and the time; it holds no secret. Please do not change the triggers in
the Cognito console later: it does not show functions of other accounts, and saving there can remove them.

${securityAnnex(handOver, { whatChanges: whatChanges(tenant, terms.features), who })}
${moduleAnnex(handOver)}
${plainAnnex(terms, templateUrl, hostedArn)}
${undoSteps(tenant)}`
}

/** Whom a customer asks. */
function contactOf({ contact }: HandOver): string {
  return contact ?? 'the person who sent you this page'
}

/** What somebody who has followed an earlier page does with this one. */
function againText({ again, tenant: { userPoolId } }: HandOver): string {
  if (!again) return ''
  return `

**If you have followed an earlier page of this pool:** this one takes its place. Update the role ([step 1](#1-create-the-role-that-corbado-uses));
of the rest do what you have not done yet. Where the triggers point at Corbado already, step 2 says so and writes nothing. Keep
\`${snapshotName(userPoolId)}\`.`
}

function roleStep(handOver: HandOver): string {
  const { tenant, terms, templateUrl } = handOver
  const link = quickCreateLink(templateUrl, terms)
  const how =
    link === undefined
      ? `No link opens the console of \`${tenant.aws.region}\` from here: make the role with annex B or C, signed in to account
\`${tenant.aws.accountId}\`.`
      : `Signed in to account \`${tenant.aws.accountId}\`, [open this link](${link}),
tick the box on IAM resources, and choose *Create stack*.`
  return `## 1. Create the role that Corbado uses

${how} Change none of the values but those that annex A leaves to you
(${terms.features.includes('checks') ? '`Checks`, ' : ''}\`PermissionsBoundary\`). With Terraform, take annex B instead; without a console, annex C. Tell Corbado when the
role is there.
${updateText(handOver)}`
}

/** The link makes a stack and changes none: what to do where an earlier page has made it. */
function updateText({ again, tenant: { userPoolId, aws }, templateUrl }: HandOver): string {
  if (!again) return ''
  const stack = stackNameOf(userPoolId)
  return `
If the stack \`${stack}\` is there from an earlier page, the link is refused. Update the stack instead; deleting it would stop
passkey logins meanwhile. In the console: the stack, *Update*, *Replace existing template*, \`${templateUrl}\`, and the values of
\`corbado-role.json\` in annex C, but for your own \`PermissionsBoundary\`. Or, with the two files of annex C, step 1:

\`\`\`sh
aws cloudformation update-stack --region ${aws.region} --template-body file://role.template.json --cli-input-json file://corbado-role.json
aws cloudformation wait stack-update-complete --region ${aws.region} --stack-name ${stack}
\`\`\`
`
}

/** How the pool comes to call the gateway. */
function wireStep({ userPoolId, triggers, login }: TenantFile, hostedArn: string): string {
  const [define, create, verify] = CUSTOM_AUTH_SLOTS
  const chain = chainOf(triggers)
  const wiring = { arn: hostedArn, chain }
  return `## 2. Point the pool's triggers at Corbado

The gateway lets your pool in: Corbado saw to that before it sent this page. \`${define}\`, \`${create}\` and
\`${verify}\` in the pool's \`LambdaConfig\` then get the function
\`${hostedArn}\`. With Node.js 20.19 or newer and credentials
of your account that have [these rights](#which-rights-does-your-engineer-need), look at what would change, and do it.
The package is in no registry yet: first run \`npm install ./${TARBALL}\`, which comes with this page, in an empty folder, then these lines there:

\`\`\`sh
${npxLine(wireWords('plan', userPoolId, wiring))}
${npxLine([...wireWords('apply', userPoolId, wiring), '--snapshot', snapshotName(userPoolId)])}
\`\`\`
${goesOnText(chain, login)}
All other settings stay as they are; a trigger that holds another function is refused, not replaced. Keep the file
\`${snapshotName(userPoolId)}\`: it is the way back. If CloudFormation or Terraform manages the
pool, \`plan\` prints the change for that tool instead, and \`apply\` writes nothing. Annex C does the same with the AWS CLI.
`
}

/** The slots of the pool whose function goes on, and the function. */
function chainOf(triggers: TenantFile['triggers']): SlotChains {
  const held = SLOTS.map((slot) => [slot, textAt(fieldsOf(triggers)[triggerOfSlot(slot)], 'functionArn')] as const)
  return Object.fromEntries(held.filter(([, arn]) => arn !== undefined))
}

/** Which functions of the customer's own go on, and who calls them then. */
function goesOnText(chain: SlotChains, login: TenantFile['login']): string {
  const slots = Object.entries(chain)
  if (slots.length === 0) return ''
  const split = CUSTOM_AUTH_SLOTS.some((slot) => chain[slot] !== undefined)
    ? `Logins of the app clients ${(login?.clientIds ?? []).map((id) => `\`${id}\``).join(', ')} are for passkeys; those of all others
go on to your functions, from their first call to their last.\n`
    : ''
  return `
Your own functions go on: Corbado's gateway hands these triggers' events on to them as they came, whatever Corbado switches off.

| trigger | your function |
|---|---|
${slots.map(([slot, arn]) => `| \`${slot}\` | \`${arn}\` |\n`).join('')}
${split}If a slot holds another function by now, nothing is written: tell Corbado.
`
}

/** What app clients need; the plan of step 2 names those that lack it. */
function clientStep({ userPoolId, aws, actions }: TenantFile): string {
  return `## 3. Let your app clients use passkeys

The plan of step 2 names the app clients without \`ALLOW_CUSTOM_AUTH\`. For each of them whose users are to sign in with passkeys,
\`CLIENT_ID\` being its id:

\`\`\`sh
${npxLine(clientWords(userPoolId, 'CLIENT_ID'))}
\`\`\`

It shows the change, asks, and leaves all other settings as they are; if CloudFormation or Terraform manages the app client, it
prints the change for that tool. The same in the Cognito console: the pool, *App clients*, the client, *Edit*, tick
\`ALLOW_CUSTOM_AUTH\`. With the AWS CLI, see annex C. \`PreventUserExistenceErrors\` should be \`ENABLED\`.
${postLoginText(userPoolId, aws.region, actions.postLogin)}`
}

/** What the app client needs through which the gateway signs users in itself. */
function postLoginText(userPoolId: string, region: string, client: TenantFile['actions']['postLogin']): string {
  if (!client) return ''
  const { clientId, clientSecretParameter } = client
  const secret =
    clientSecretParameter === undefined
      ? ''
      : `
It has a secret, which Cognito asks Corbado for. Send it to Corbado by a way that is made for secrets, not by mail; Corbado keeps it
encrypted, and this line prints it:

\`\`\`sh
aws cognito-idp describe-user-pool-client --region ${region} --user-pool-id ${userPoolId} --client-id ${clientId} --query UserPoolClient.ClientSecret --output text
\`\`\`
`
  return `
Through the app client \`${clientId}\` Corbado signs users in for your application (post-login), so it needs \`ALLOW_CUSTOM_AUTH\`.
${secret}`
}

/** The way back from every step, the last step first. */
function undoSteps({ userPoolId, aws }: TenantFile): string {
  return `## Annex D: how to undo it

Tell Corbado first, so that your app stops offering passkeys. This puts back what step 2 changed and nothing else; from then on
passkey logins fail, and all others work as before:

\`\`\`sh
${npxLine(undoWords(userPoolId, snapshotName(userPoolId)))}
\`\`\`

Take \`ALLOW_CUSTOM_AUTH\` away from the app clients that got it, if nothing else of yours uses it: the command of step 3 does,
with \`--undo\`.

When Corbado has said that the pool is out, which it checks with the role, delete the role's stack (or take the role out of your
Terraform configuration):

\`\`\`sh
aws cloudformation delete-stack --region ${aws.region} --stack-name ${stackNameOf(userPoolId)}
\`\`\`

MFA factors that users got stay; \`aws cognito-idp admin-set-user-mfa-preference\` changes them.
`
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
