import { relative } from 'node:path'
import { shellWord } from '../operator/shell-word.js'
import type { Example } from './example.js'
import { wantsPassword } from './scene.js'
import type { Stack } from './stack.js'
import type { Workspace } from './workspace.js'

/** A command line that works as it stands, and what it shows. */
export interface Suggestion {
  readonly why: string
  readonly line: string
}

export interface SuggestionOptions {
  readonly stack: Stack
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

/** What to try next. */
export function suggestions({ stack, workspace, examples, dir, program, logged }: SuggestionOptions): Suggestion[] {
  const run = `node ${shellWord(relative('', program))}`
  const [env, copies] = [shellWord(workspace.envFile), shellWord(workspace.tenantsDir)]
  const apply = (rest: string) => `(. ${env}; ${run} tenants apply ${copies}${rest})`
  const example = examples.find((one) => !wantsPassword(one))
  return [
    ...(example ? beginLogin(stack, example) : []),
    { why: 'Check the tenant files.', line: `${run} tenants validate ${shellWord(dir)}` },
    { why: "Compare the table with this stack's copies of them, which are yours to change.", line: apply('') },
    ...(example ? switchOff(workspace, example, apply(' --yes')) : []),
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

function switchOff({ tenantsDir }: Workspace, { tenant }: Example, apply: string): Suggestion[] {
  const file = shellWord(`${tenantsDir}/${tenant.tenantId}.yaml`)
  return [
    {
      why: `Switch passkeys off at ${tenant.tenantId}; 5 seconds later no new login begins.`,
      line: `sed -i.bak 's/^status: active/status: passkeys-off/' ${file} && ${apply}`,
    },
  ]
}
