import { writeAnswer } from '../../operator/answers/write.js'
import { quickCreateLink } from '../../operator/role/cloudformation.js'
import { describeCustomerRole } from '../../operator/role/role.js'
import { customerRoleTerraform } from '../../operator/role/terraform.js'
import { TENANTS_DIR } from '../../operator/unapplied.js'
import { type CommandIo, createPaint } from '../../terminal/io.js'
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
  const next = nextSteps(tenant.tenantId, dir)
  if (files.json) {
    const role = describeCustomerRole(terms)
    const quickCreate = quickCreateLink(templateUrl, terms)
    const terraform = customerRoleTerraform(role)
    const commands = next.map(({ command }) => command)
    const roleArn = role.arn
    writeAnswer(io, 'onboarding', {
      tenant,
      file,
      handOver: handOverFile,
      hostedArn,
      roleArn,
      quickCreate,
      terraform,
      next: commands,
    })
    return
  }
  const paint = createPaint(io.stdout, io.env)
  const width = Math.max(...next.map(({ command }) => command.length))
  const steps = next.map(
    ({ command, why }, index) =>
      `  ${index + 1}. ${command.padEnd(width)}  ${paint('dim', textAt(width + 7, why, io.stdout))}\n`,
  )
  io.stdout.write(`${paint('green', 'written')} ${file} (draft)
${paint('green', 'written')} ${handOverFile}: the hand-over, for the customer

Next, here:
${steps.join('')}`)
}

function nextSteps(tenantId: string, dir: string): { readonly command: string; readonly why: string }[] {
  const word = shellWord(dir)
  const inDir = dir === TENANTS_DIR ? '' : ` --dir ${word}`
  return [
    { command: `corbado-gateway secret set ${tenantId}${inDir}`, why: 'the Backend API credential' },
    { command: `corbado-gateway tenants apply ${word} --yes`, why: 'the draft into the table' },
    { command: `corbado-gateway aliases grant ${tenantId}`, why: 'lets the pool in; then send the hand-over' },
    { command: `corbado-gateway doctor ${tenantId}`, why: 'once the customer has done its part' },
    { command: `corbado-gateway tenants activate ${tenantId}${inDir}`, why: 'passkeys on' },
  ]
}
