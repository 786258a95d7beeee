import { writeAnswer } from '../../operator/answers/write.js'
import { TARBALL } from '../../operator/pool/line.js'
import { quickCreateLink } from '../../operator/role/cloudformation.js'
import { describeCustomerRole, type RoleTerms } from '../../operator/role/role.js'
import { customerRoleTerraform } from '../../operator/role/terraform.js'
import { TENANTS_DIR } from '../../operator/unapplied.js'
import { type CommandIo, createPaint, type Paint } from '../../terminal/io.js'
import { shellWord, textAt } from '../../terminal/text.js'
import type { Onboarding } from './draft.js'

interface OnboardedFiles {
  readonly file: string
  readonly handOverFile: string
  /** Folder of the tenant files. */
  readonly dir: string
  readonly json: boolean
}

/** Prints which files were written, and what the operator does next. The hand-over is in its file: hundreds of lines for others. */
export function reportOnboarded(onboarding: Onboarding, files: OnboardedFiles, io: CommandIo): void {
  const { tenant, terms, templateUrl, hostedArn } = onboarding
  const { file, handOverFile, dir } = files
  const next = nextSteps(tenant, dir)
  if (files.json) {
    const commands = next.map(({ command }) => command)
    writeAnswer(io, 'onboarding', {
      ...{ tenant, file, handOver: handOverFile, hostedArn, next: commands },
      ...roleJson(terms, templateUrl),
    })
    return
  }
  const paint = createPaint(io.stdout, io.env)
  io.stdout.write(`${paint('green', 'written')} ${file} (draft)
${paint('green', 'written')} ${handOverFile}: the hand-over, for the customer

Next, here:
${stepsText(next, paint, io)}`)
}

/** Prints where the hand-over of a tenant was written again, and what comes next. */
export function reportHandOver(
  {
    tenant,
    terms,
    templateUrl,
    hostedArn,
    handOverFile,
  }: Pick<Onboarding, 'tenant' | 'terms' | 'templateUrl' | 'hostedArn'> & { readonly handOverFile: string },
  { dir, json }: Pick<OnboardedFiles, 'dir' | 'json'>,
  io: CommandIo,
): void {
  const next = stepsAgain(tenant, dir)
  if (json) {
    const commands = next.map(({ command }) => command)
    const said = { tenant, handOver: handOverFile, hostedArn, next: commands, ...roleJson(terms, templateUrl) }
    writeAnswer(io, 'hand-over', said)
    return
  }
  const paint = createPaint(io.stdout, io.env)
  const what = `: the hand-over of ${tenant.tenantId} (${tenant.userPoolId}), with ${terms.features.join(', ')}`
  io.stdout.write(`${paint('green', 'written')} ${textAt(8, `${handOverFile}${what}`, io.stdout)}

${textAt(0, `Send it, with the package (${TARBALL}, of npm pack). Next, here:`, io.stdout)}
${stepsText(next, paint, io)}`)
}

/** What a program needs of the customer's role. */
function roleJson(terms: RoleTerms, templateUrl: string) {
  const role = describeCustomerRole(terms)
  const quickCreate = quickCreateLink(templateUrl, terms)
  return { roleArn: role.arn, quickCreate, terraform: customerRoleTerraform(role) }
}

interface NextStep {
  readonly command: string
  readonly why: string
}

function stepsText(next: readonly NextStep[], paint: Paint, { stdout }: CommandIo): string {
  const width = Math.max(...next.map(({ command }) => command.length))
  const steps = next.map(
    ({ command, why }, index) =>
      `  ${index + 1}. ${command.padEnd(width)}  ${paint('dim', textAt(width + 7, why, stdout))}\n`,
  )
  return steps.join('')
}

/** A draft has yet to go live; of all others the role, and perhaps the triggers, follow the config. */
function stepsAgain(tenant: Onboarding['tenant'], dir: string): NextStep[] {
  const { tenantId, status } = tenant
  const all = nextSteps(tenant, dir)
  const doctor = { command: `corbado-gateway doctor ${tenantId}`, why: 'once the customer has done its part' }
  return status === 'draft' ? all.filter(({ command }) => / (doctor|tenants activate) /.test(command)) : [doctor]
}

function nextSteps({ tenantId, actions }: Onboarding['tenant'], dir: string): NextStep[] {
  const word = shellWord(dir)
  const inDir = dir === TENANTS_DIR ? '' : ` --dir ${word}`
  return [
    { command: `corbado-gateway secret set ${tenantId}${inDir}`, why: 'the Backend API credential' },
    ...(actions.postLogin?.clientSecretParameter === undefined
      ? []
      : [
          {
            command: `corbado-gateway secret set ${tenantId} --client${inDir}`,
            why: "the secret of post-login's app client, from the customer",
          },
        ]),
    { command: `corbado-gateway tenants apply ${word} --yes`, why: 'the draft into the table' },
    { command: `corbado-gateway aliases grant ${tenantId}`, why: 'lets the pool in; then send hand-over and tarball' },
    { command: `corbado-gateway doctor ${tenantId}`, why: 'once the customer has done its part' },
    { command: `corbado-gateway tenants activate ${tenantId}${inDir}`, why: 'passkeys on' },
  ]
}
