import { access, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { type AliasPlace, withAliases } from '../../operator/aliases/place.js'
import { readConfigRules } from '../../operator/config-rules.js'
import { reportIssues } from '../../operator/files/issues.js'
import { fetchRecords } from '../../operator/records/find.js'
import { OPERATOR_SETTINGS, type OperatorSettings, readOperatorSettings } from '../../operator/settings.js'
import { TENANTS_DIR } from '../../operator/unapplied.js'
import { canAsk } from '../../terminal/ask.js'
import { defineCommand } from '../../terminal/command.js'
import { NotPossible, WrongUsage } from '../../terminal/failure.js'
import { writeNewFile } from '../../terminal/file.js'
import { type CommandIo, writeNote } from '../../terminal/io.js'
import { FOLDER_ARGUMENT } from '../options.js'
import { handOverAgain } from './again.js'
import type { Answers } from './answers.js'
import { collectAnswers, createAsk } from './ask.js'
import { draftOnboarding } from './draft.js'
import { knownTenants, readOnboardFolder } from './known.js'
import { QUESTIONS } from './questions.js'
import { reportHandOver, reportOnboarded } from './report.js'

interface OnboardOptions extends Partial<Answers> {
  readonly dir: string
  /** The tenant of the table whose hand-over is made again. */
  readonly again?: string
  readonly alias?: string
  readonly handOver?: string
  readonly contact?: string
  readonly validUntil?: string
  readonly ask?: true
  readonly json?: true
}

const NEEDED = ['gatewayRoleArn', 'doctorRoleArn', 'customerTemplateUrl'] as const

/** A security review takes weeks, and the values of a page are of one version. */
const VALID_DAYS = 90
const DAY_MS = 86_400_000

/** `onboard`: a tenant's draft, and what the customer's engineer is to do. Reads table and aliases, writes files alone. */
export function onboardCommand(io: CommandIo): Command {
  const command = defineCommand(io, {
    path: 'corbado-gateway onboard',
    summary:
      "Drafts a tenant's file and the hand-over for the customer; asks on a terminal for what has no answer by itself, and without flags for everything.",
    examples: [
      'corbado-gateway onboard',
      'corbado-gateway onboard --customer acme --account 111122223333 --pool eu-central-1_Ab12Cd34E --project pro-1234567890 --mfa sms',
      'corbado-gateway onboard --again acme-shop',
    ],
  })
  for (const { flag, text, help = '' } of QUESTIONS) command.option(`${flag} <value>`, `${text}${help}`)
  return command
    .option(
      '--again <tenant>',
      'make the hand-over of a tenant of the table again, as its record is now: when it is over, or the role has to follow the config. Asks nothing, and writes over an earlier hand-over of the same pool. --features can leave out checks, or add what the config will need',
    )
    .option('--alias <name>', 'alias of the hosted ARN (default: one with room)')
    .option('--dir <folder>', FOLDER_ARGUMENT[1], TENANTS_DIR)
    .option('--hand-over <file.md>', 'where to write the hand-over (default: <tenant-id>.hand-over.md)')
    .option('--ask', 'ask on a terminal for everything that no flag says (default: for what has no answer by itself)')
    .option('--contact <text>', 'who answers the customer (default: HAND_OVER_CONTACT)', parseContact)
    .option('--valid-until <date>', `last day of the hand-over, as 2027-01-31 (default: in ${VALID_DAYS} days)`)
    .option(
      '--json',
      'print { kind: "onboarding", tenant, file, handOver, hostedArn, roleArn, quickCreate?, terraform, next } or { kind: "hand-over", tenant, handOver, hostedArn, roleArn, quickCreate?, terraform, next }',
    )
    .action((options: OnboardOptions) => {
      const { again } = options
      if (again === undefined) return withAliases(io, (place) => onboard(options, place, io), NEEDED)
      refuseAnswers(options)
      return withAliases(io, (place) => onboardAgain(again, options, place, io), NEEDED)
    })
}

/** @throws WrongUsage for an answer beside `--again`, which takes all of them from the record */
function refuseAnswers(options: OnboardOptions): void {
  const answered = QUESTIONS.filter(({ key }) => key !== 'features' && options[key] !== undefined)
  const flags = [
    ...answered.map(({ flag }) => flag),
    ...(options.alias === undefined ? [] : ['--alias']),
    ...(options.ask ? ['--ask'] : []),
  ]
  if (flags.length === 0) return
  throw new WrongUsage(`--again takes everything from the tenant's record: leave out ${flags.join(', ')}`)
}

async function onboardAgain(word: string, options: OnboardOptions, place: AliasPlace, io: CommandIo): Promise<void> {
  const settings = readOperatorSettings(io.env, NEEDED)
  const page = pageOf(options, settings, io.clock.now())
  warnOfRetention(settings, io)
  const { dir, features, handOver: file, json = false } = options
  const made = await handOverAgain({ word, dir, features, file, settings, page }, place, io)
  reportHandOver(made, { dir, json }, io)
}

async function onboard(options: OnboardOptions, place: AliasPlace, io: CommandIo): Promise<void> {
  const settings = readOperatorSettings(io.env, NEEDED)
  const page = pageOf(options, settings, io.clock.now())
  const rules = readConfigRules(io.env)
  const folder = await readOnboardFolder(options.dir, rules)
  if (folder.issues.length > 0) return reportIssues(folder, options.json === true, io)
  const known = knownTenants(options.dir, folder, await fetchRecords(place.upstreams))
  const answers = await answersFor(options, { rules, region: place.region, known }, io)

  const file = join(options.dir, `${answers.tenantId}.yaml`)
  const handOverFile = options.handOver ?? `${answers.tenantId}.hand-over.md`
  const [otherId, otherPage] = ['choose another --tenant-id', 'name another file with --hand-over']
  await Promise.all([assertNoFile(file, otherId), assertNoFile(handOverFile, otherPage)])
  const warn = (text: string) => writeNote(io, 'warning', text)
  warnOfRetention(settings, io)
  const onboarding = await draftOnboarding({
    answers,
    wanted: options.alias,
    known,
    rules,
    place,
    settings,
    page,
    warn,
  })
  await writeNew(handOverFile, onboarding.handOver, otherPage)
  // Each without the other is of no use: the same command must be able to make both.
  await writeNew(file, onboarding.yaml, otherId).catch(async (error) => {
    await rm(handOverFile)
    throw error
  })
  reportOnboarded(onboarding, { file, handOverFile, dir: options.dir, json: options.json === true }, io)
}

function warnOfRetention({ logRetentionDays }: OperatorSettings, io: CommandIo): void {
  if (logRetentionDays !== undefined) return
  writeNote(io, 'warning', 'LOG_RETENTION_DAYS is not set: the hand-over cannot say how long log lines are kept')
}

/**
 * What the hand-over says of itself: by flag, else by setting, else what holds for any.
 * @throws WrongUsage for a last day that is none, or is over
 */
function pageOf(options: OnboardOptions, settings: OperatorSettings, now: number) {
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10)
  const written = day(now)
  const { validUntil = day(now + VALID_DAYS * DAY_MS) } = options
  const parsed = /^\d{4}-\d\d-\d\d$/.test(validUntil) ? Date.parse(validUntil) : Number.NaN
  if (Number.isNaN(parsed) || day(parsed) !== validUntil) {
    throw new WrongUsage(
      `--valid-until must be a day such as ${day(now + VALID_DAYS * DAY_MS)}, but is "${validUntil}"`,
    )
  }
  if (validUntil < written) throw new WrongUsage(`--valid-until ${validUntil} is over: today is ${written}`)
  const { handOverContact, logRetentionDays } = settings
  return { contact: options.contact ?? handOverContact, written, validUntil, logRetentionDays }
}

/** @throws InvalidArgumentError for what a page could not show on one line */
function parseContact(text: string): string {
  const { pattern, form } = OPERATOR_SETTINGS.handOverContact
  if (pattern.test(text)) return text
  throw new InvalidArgumentError(`It is ${form}.`)
}

async function answersFor(
  given: OnboardOptions,
  place: Parameters<typeof collectAnswers>[1],
  io: CommandIo,
): Promise<Answers> {
  if (!canAsk(io) || given.json) return collectAnswers(given, place)
  const { ask, close } = createAsk(io)
  try {
    const everything = given.ask ?? QUESTIONS.every(({ key }) => given[key] === undefined)
    return await collectAnswers(given, place, ask, everything)
  } finally {
    close()
  }
}

/**
 * @param instead what to do but move it away
 * @throws NotPossible if there is such a file, which is never written over
 */
async function assertNoFile(path: string, instead: string): Promise<void> {
  const exists = await access(path).then(
    () => true,
    () => false,
  )
  if (exists) throw thereAlready(path, instead)
}

/**
 * Writes a file that must not be there yet.
 * @throws NotPossible if it is there, or cannot be written
 */
async function writeNew(path: string, text: string, instead: string): Promise<void> {
  await writeNewFile(path, text).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EEXIST'
      ? thereAlready(path, instead)
      : new NotPossible(`${path} cannot be written (${error.code})`)
  })
}

function thereAlready(path: string, instead: string): NotPossible {
  return new NotPossible(`${path} exists already: move it away, or ${instead}`)
}
