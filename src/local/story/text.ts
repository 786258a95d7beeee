import { basename } from 'node:path'
import type { Paint } from '../../terminal/io.js'
import { SERVICES, type Service, type Stack } from '../stack.js'
import type { Example } from '../world/example.js'
import { NEWCOMER } from '../world/newcomer.js'
import type { NewcomerFiles } from '../world/shell-files.js'
import type { Workspace } from '../world/workspace.js'
import type { StepReport } from './step.js'
import type { Suggestion } from './try-next.js'

/** Wide enough for the longest text of each column; together they fit 80 characters. */
const NAME = 16
const STEP = 25
const OUTCOME = 40

const ms = (value: number) => `${Math.round(value)} ms`.padStart(8)

/** What each service is here. */
const services: Record<Service, string> = {
  cognito: "the customers' user pools",
  lambda: "the gateway's bundle, behind aliases",
  corbado: 'the Backend API',
  dynamodb: 'the table of the tenants',
  ssm: 'the secrets',
  sts: "the customers' roles",
  cloudformation: "the customers' stacks",
  cloudwatch: "the gateway's lines",
}

/** One line for a service that has started; a heading above the first. */
export function serviceText(name: Service, url: string, paint: Paint): string {
  const heading = name === SERVICES[0] ? `\n${paint('bold', 'Services')}\n` : ''
  return heading + addressText(name, url, services[name], paint)
}

function addressText(name: string, url: string, what: string, paint: Paint): string {
  return `  ${name.padEnd(NAME)}${url}  ${paint('dim', what)}\n`
}

/** The customer that waits, and the files that its onboarding needs. */
export function newcomerText(
  { envFile, credentialFile }: NewcomerFiles,
  { stack, workspace }: { stack: Stack; workspace: Workspace },
  paint: Paint,
): string {
  const { customer, userPoolId, accountId, projectId } = NEWCOMER
  const file = (path: string, what: string) => `    ${basename(path).padEnd(22)}${paint('dim', what)}\n`
  return [
    `\n${paint('bold', 'Waits to be onboarded')}  ${paint('dim', 'see tenants/ONBOARDING.md')}\n`,
    `  ${'customer'.padEnd(NAME)}${customer}, account ${accountId}\n`,
    `  ${'user pool'.padEnd(NAME)}${userPoolId}\n`,
    `  ${'project'.padEnd(NAME)}${projectId}, Backend API ${stack.corbado.url}\n`,
    `  ${workspace.dir}  ${paint('dim', 'to work in')}\n`,
    file(workspace.envFile, 'rights and settings of a Corbado operator'),
    file(envFile, "rights of the customer's engineer"),
    file(credentialFile, "the project's Backend API credential"),
  ].join('')
}

/** What stands above the tenants. */
export function tenantsText({ stack, workspace }: { stack: Stack; workspace: Workspace }, paint: Paint): string {
  const copies = `copies in ${workspace.tenantsDir}`
  const address = `with the Backend API at ${stack.corbado.url}`
  return `\n${paint('bold', 'Tenants')}\n  ${paint('dim', copies)}\n  ${paint('dim', address)}\n`
}

/** What stands above the container door. */
export function doorsText(paint: Paint): string {
  return `\n${paint('bold', 'Gateway')}\n`
}

/** The container door, once it is open, and the place where both doors log. */
export function doorText(
  { container, workspace }: { container: { readonly url: string }; workspace: Workspace },
  logs: boolean,
  paint: Paint,
): string {
  const logLines = `  ${'log lines'.padEnd(NAME)}${logs ? 'on stderr' : workspace.logFile}\n`
  return addressText('container', container.url, 'the same app, behind signed HTTP', paint) + logLines
}

/** What stands in place of a story if no one may sign in. */
export function restText({ tenant }: Example, paint: Paint): string {
  return `\n${paint('bold', tenant.tenantId)}  is ${tenant.status}: no one signs in\n`
}

/** What stands above a tenant's steps. */
export function headingText({ tenant, identifier }: Example, paint: Paint): string {
  const { tenantId, userPoolId, login } = tenant
  const columns = `    ${'step'.padEnd(STEP)}${'what happened'.padEnd(OUTCOME)}    time`
  return [
    `\n${paint('bold', tenantId)}  ${login?.flow ?? 'passkey'}\n`,
    `  ${identifier} at ${userPoolId}\n`,
    `${paint('dim', columns)}\n`,
  ].join('')
}

/** What stands above the steps of an incident. */
export function incidentText({ tenant }: Example, paint: Paint): string {
  const what = `Corbado fails for ${tenant.tenantId}, while these log in`
  return `\n${paint('bold', 'An incident')}  ${what}\n`
}

/** One line for a step, and one beneath it for each further fact. */
export function stepText(
  { step, expected, outcome, ok, triggers, coldStart, detailed, ...took }: StepReport,
  paint: Paint,
): string {
  const mark = ok ? paint('green', '✓') : paint('red', '✗')
  const seen = outcome.padEnd(OUTCOME)
  const beneath = (name: string, text: string) => `      ${name.padEnd(STEP - 2)}${text}`
  const lines = [
    ...(ok ? [] : [beneath('expected', expected)]),
    ...(coldStart ? [beneath('cold start', 'a new execution environment')] : []),
    ...(detailed ? triggers.map((call) => beneath(call.trigger, call.outcome.padEnd(OUTCOME)) + ms(call.ms)) : []),
  ]
  return [
    `  ${mark} ${step.padEnd(STEP)}${ok ? seen : paint('red', seen)}${ms(took.ms)}\n`,
    ...lines.map((line) => `${paint('dim', line)}\n`),
  ].join('')
}

/** What the story came to; if something went wrong, what. */
export function summaryText(told: readonly { tenantId: string; steps: readonly StepReport[] }[], paint: Paint): string {
  const steps = told.flatMap(({ tenantId, steps }) => steps.map((report) => ({ tenantId, ...report })))
  const wrong = steps.filter(({ ok }) => !ok)
  if (wrong.length === 0) return `\n${paint('green', `All ${steps.length} steps went as expected.`)}\n`
  const lines = wrong.map(({ tenantId, step, expected, outcome }) =>
    [`  ${tenantId}: ${step}`, `    expected       ${expected}`, `    what happened  ${outcome}`, ''].join('\n'),
  )
  return `\n${paint('red', `${wrong.length} of ${steps.length} steps did not go as expected:`)}\n${lines.join('')}`
}

/** Where a person does all of it, in a browser. */
export function siteText(url: string, paint: Paint): string {
  const what = "the guide's app, with your passkey"
  return `\n${paint('bold', 'Open in a browser')}\n${addressText('demo', url, what, paint)}`
}

/** What to try next, one command a line. */
export function suggestionsText(list: readonly Suggestion[], paint: Paint): string {
  const lines = list.map(({ why, line }) => `\n${paint('dim', `# ${why}`)}\n${line}\n`)
  const up = 'The gateway is up; Ctrl-C stops it. Try here in another terminal (or Git Bash):'
  return `\n${paint('bold', up)}\n${lines.join('')}`
}
