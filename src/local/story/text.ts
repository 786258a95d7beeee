import type { Paint } from '../../terminal/io.js'
import type { Container } from '../gateway/container.js'
import { SERVICES, type Service, type Stack } from '../stack.js'
import type { Example } from '../world/example.js'
import { NEWCOMER } from '../world/newcomer.js'
import type { NewcomerFiles } from '../world/shell-files.js'
import type { Workspace } from '../world/workspace.js'
import type { StepReport } from './step.js'
import type { Suggestion } from './try-next.js'

/** Wide enough for the longest text of each column; together they fit 100 characters. */
const STEP = 23
const EXPECTED = 30
const OUTCOME = 37

const ms = (value: number) => `${Math.round(value)} ms`.padStart(7)

/** What each service is here. */
const services: Record<Service, string> = {
  cognito: "the customers' user pools",
  lambda: "the gateway's own bundle, behind its aliases",
  corbado: 'Backend API',
  dynamodb: 'table of the tenants',
  ssm: 'secrets',
  sts: "the customers' roles",
  cloudformation: "the customers' stacks",
}

/** What runs where. */
export function servicesText(
  { stack, container, workspace }: { stack: Stack; container: Container; workspace: Workspace },
  logs: boolean,
  paint: Paint,
) {
  const at: Record<Service, { readonly url: string }> = { ...stack, dynamodb: stack.table }
  const line = (name: string, url: string, what: string) => `  ${name.padEnd(16)}${url}  ${paint('dim', what)}\n`
  return [
    `${paint('bold', 'Services')}\n`,
    ...SERVICES.map((name) => line(name, at[name].url, services[name])),
    line('container', container.url, 'the same app, behind signed HTTP'),
    `  ${'log lines'.padEnd(16)}${logs ? 'on stderr' : workspace.logFile}\n`,
  ].join('')
}

/** The customer that waits, and where what its onboarding needs is found. */
export function newcomerText(
  { envFile, credentialFile }: NewcomerFiles,
  { stack, workspace }: { stack: Stack; workspace: Workspace },
  paint: Paint,
): string {
  const { customer, userPoolId, accountId, projectId } = NEWCOMER
  const line = (path: string, what: string) => `  ${path}  ${paint('dim', what)}\n`
  return [
    `\n${paint('bold', 'Waits to be onboarded')}  ${paint('dim', 'see tenants/ONBOARDING.md')}\n`,
    `  ${customer}: pool ${userPoolId}, account ${accountId}, project ${projectId}, Backend API ${stack.corbado.url}\n`,
    line(workspace.dir, 'to work in'),
    line(workspace.envFile, 'rights and settings of a Corbado operator'),
    line(envFile, "rights of the customer's engineer"),
    line(credentialFile, "the project's Backend API credential"),
  ].join('')
}

/** What stands above the tenants. */
export function tenantsText({ stack, workspace }: { stack: Stack; workspace: Workspace }, paint: Paint): string {
  const copies = `from copies in ${workspace.tenantsDir}, whose backendApiUrl is ${stack.corbado.url}`
  return `${paint('bold', 'Tenants')}\n  ${paint('dim', copies)}\n`
}

/** What stands in place of a story where nobody is to sign in. */
export function restText({ tenant }: Example, paint: Paint): string {
  return `\n${paint('bold', tenant.tenantId)}  is ${tenant.status}: nobody signs in\n`
}

/** What stands above a tenant's steps. */
export function headingText({ tenant, identifier }: Example, paint: Paint): string {
  const { tenantId, userPoolId, login } = tenant
  const facts = `${login?.flow ?? 'passkey'} · ${userPoolId} · ${identifier}`
  const columns = `    ${'step'.padEnd(STEP)}${'expected'.padEnd(EXPECTED)}${'what happened'.padEnd(OUTCOME)}   time`
  return `\n${paint('bold', tenantId)}  ${facts}\n${paint('dim', columns)}\n`
}

/** One line a step, and one for each trigger beneath those that matter. */
export function stepText(
  { step, expected, outcome, ok, triggers, coldStart, detailed, ...took }: StepReport,
  paint: Paint,
) {
  const mark = ok ? paint('green', '✓') : paint('red', '✗')
  const seen = outcome.padEnd(OUTCOME)
  const cold = coldStart ? paint('dim', '  cold start') : ''
  const line = `  ${mark} ${step.padEnd(STEP)}${expected.padEnd(EXPECTED)}${ok ? seen : paint('red', seen)}${ms(took.ms)}${cold}\n`
  if (!detailed) return line
  const beneath = triggers.map((call) => {
    const text = `      ${call.trigger.padEnd(STEP + EXPECTED - 2)}${call.outcome.padEnd(OUTCOME)}${ms(call.ms)}`
    return `${paint('dim', text)}\n`
  })
  return line + beneath.join('')
}

/** What the story came to; where something went wrong, what. */
export function summaryText(told: readonly { tenantId: string; steps: readonly StepReport[] }[], paint: Paint): string {
  const steps = told.flatMap(({ tenantId, steps }) => steps.map((report) => ({ tenantId, ...report })))
  const wrong = steps.filter(({ ok }) => !ok)
  if (wrong.length === 0) return `\n${paint('green', `All ${steps.length} steps went as expected.`)}\n`
  const lines = wrong.map(
    ({ tenantId, step, expected, outcome }) => `  ${tenantId}: ${step}: expected ${expected}, but: ${outcome}\n`,
  )
  return `\n${paint('red', `${wrong.length} of ${steps.length} steps went otherwise than expected:`)}\n${lines.join('')}`
}

/** What to try next, one command a line. */
export function suggestionsText(list: readonly Suggestion[], paint: Paint): string {
  const lines = list.map(({ why, line }) => `\n${paint('dim', `# ${why}`)}\n${line}\n`)
  return `\n${paint('bold', 'The gateway is up; Ctrl-C stops it. Try next, in another terminal:')}\n${lines.join('')}`
}
