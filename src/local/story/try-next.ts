import { relative } from 'node:path'
import { shellWord } from '../../terminal/text.js'
import { ACTIONS_ALIAS, FUNCTION_ARN, LOG_GROUP } from '../accounts.js'
import type { Caller } from '../clients/caller.js'
import type { Container } from '../gateway/container.js'
import type { Stack } from '../stack.js'
import type { Example } from '../world/example.js'
import type { Workspace } from '../world/workspace.js'
import { wantsPassword } from './scene.js'

/** A command line that works as it stands, and what it shows. */
export interface Suggestion {
  readonly why: string
  readonly line: string
}

interface SuggestionOptions {
  readonly stack: Stack
  readonly container: Container
  readonly caller: Caller
  readonly workspace: Workspace
  /** The tenants that were signed in to. */
  readonly examples: readonly Example[]
  /** Folder of the tenant files. */
  readonly dir: string
  /** Path of the running program. */
  readonly program: string
  /** The gateway writes its lines into the file. */
  readonly logged: boolean
}

const functionName = FUNCTION_ARN.split(':').at(-1)

/** What to try next. */
export function suggestions(options: SuggestionOptions): Suggestion[] {
  const { stack, container, caller, workspace, examples, dir, program, logged } = options
  const run = `node ${shellWord(relative('', program))}`
  const [env, copies] = [shellWord(workspace.envFile), shellWord(workspace.tenantsDir)]
  const example = examples.find((one) => !wantsPassword(one))
  return [
    ...(example ? beginLogin(stack, example) : []),
    ...examples.slice(0, 1).map((first) => askContainer(caller, first)),
    ...examples.slice(0, 1).map((first) => preLogin(shellWord(workspace.callerEnvFile), first)),
    { why: 'Ask the container door whether it can serve.', line: `curl -s ${container.url}/health/ready` },
    { why: 'Check the tenant files.', line: `${run} tenants validate ${shellWord(dir)}` },
    {
      why: "Compare the table with this stack's copies, which are yours to change.",
      line: `(. ${env}; ${run} tenants apply ${copies})`,
    },
    ...(example
      ? switchOff(example, (tenantId) => `(. ${env}; ${run} tenants pause ${tenantId} --dir ${copies})`)
      : []),
    ...examples
      .slice(-1)
      .map(({ tenant }) => explainIncident(tenant.tenantId, (words) => `(. ${env}; ${run} ${words})`)),
    ...(example ? explainUser(example, (words) => `(. ${env}; ${run} ${words})`) : []),
    ...(logged
      ? [{ why: 'Watch what the gateway logs of all this.', line: `tail -f ${shellWord(workspace.logFile)}` }]
      : []),
  ]
}

function beginLogin(stack: Stack, { tenant, clientId, person }: Example): Suggestion[] {
  const body = { AuthFlow: 'CUSTOM_AUTH', ClientId: clientId, AuthParameters: { USERNAME: person.username } }
  const headers =
    "-H 'content-type: application/x-amz-json-1.1' -H 'x-amz-target: AWSCognitoIdentityProviderService.InitiateAuth'"
  return [
    {
      why: `Begin a login at ${tenant.tenantId}, as any app does; Cognito asks the gateway.`,
      line: `curl -s ${stack.cognito.url} ${headers} -d '${JSON.stringify(body)}'`,
    },
  ]
}

/** Whose user name never was on a line: it is looked up in the pool. */
function explainUser({ tenant, person }: Example, run: (words: string) => string): Suggestion[] {
  const { tenantId } = tenant
  return [
    {
      why: `Explain the logins of a user of ${tenantId}, as who is on call does.`,
      line: run(`explain ${tenantId} --user ${shellWord(person.username)} --log-group ${LOG_GROUP}`),
    },
  ]
}

/** Of the incident with which the story ended. */
function explainIncident(tenantId: string, run: (words: string) => string): Suggestion {
  return {
    why: `What broke at ${tenantId}, since when, for whom, and who has to act?`,
    line: run(`explain ${tenantId} --log-group ${LOG_GROUP}`),
  }
}

/** The signature is made when the line is; its secret stays in here. */
function askContainer(caller: Caller, example: Example): Suggestion {
  const { tenant, person } = example
  const { tenantId, userPoolId, aws } = tenant
  // With a password in the flow, Cognito asks for the first time when SRP has begun.
  const session = wantsPassword(example) ? [{ challengeName: 'SRP_A', challengeResult: true }] : []
  const { url, headers, body } = caller.signDefine({
    triggerSource: 'DefineAuthChallenge_Authentication',
    userPoolId,
    region: aws.region,
    userName: person.username,
    request: { session },
    response: {},
  })
  const sent = Object.entries(headers).map(([name, value]) => `-H '${name}: ${value}'`)
  return {
    why: `What comes first in a login at ${tenantId}? By signed HTTP, for 5 minutes.`,
    line: `curl -s ${url} ${sent.join(' ')} -d ${shellWord(body)}`,
  }
}

/** Only this caller is let in to the actions, and an operator is not it: its rights are in a file of their own. */
function preLogin(env: string, { tenant, identifier }: Example): Suggestion {
  const payload = { action: 'pre-login', userPoolId: tenant.userPoolId, identifier }
  // As bytes of a file, both versions of the AWS CLI send the payload as it is.
  const words = `--function-name ${functionName}:${ACTIONS_ALIAS} --payload fileb:///dev/stdin /dev/stdout`
  return {
    why: `Find a user of ${tenant.tenantId}, as Corbado does before a login. Needs the AWS CLI.`,
    line: `(. ${env}; echo ${shellWord(JSON.stringify(payload))} | aws lambda invoke ${words})`,
  }
}

function switchOff({ tenant }: Example, pause: (tenantId: string) => string): Suggestion[] {
  return [
    {
      why: `Switch passkeys off at ${tenant.tenantId}; a second later no new login begins.`,
      line: pause(shellWord(tenant.tenantId)),
    },
  ]
}
