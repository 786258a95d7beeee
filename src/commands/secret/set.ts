import { isDeepStrictEqual } from 'node:util'
import type { Command } from 'commander'
import { createCall } from '../../call.js'
import type { Env } from '../../env.js'
import { wayAdvice } from '../../operator/advice.js'
import { writeAnswer } from '../../operator/answers/write.js'
import { readSecret } from '../../operator/credential.js'
import { corbadoSaid, falseProof } from '../../operator/doctor/checks/corbado.js'
import { readTenantFolder } from '../../operator/files/folder.js'
import { fetchPlace, type PlanPlace, placeText } from '../../operator/place.js'
import { fetchRecords, findTenant, findTenants, noSuchTenant } from '../../operator/records/find.js'
import { agoText } from '../../operator/records/past.js'
import { requireValid } from '../../operator/records/record.js'
import { authorOf, fetchSecretHistory, NOT_STORED } from '../../operator/records/secret.js'
import { readOperatorSettings } from '../../operator/settings.js'
import { TENANTS_DIR, unappliedFile } from '../../operator/unapplied.js'
import { operatorCall, withUpstreams } from '../../operator/upstreams.js'
import type { TenantFile } from '../../tenant/config.js'
import { askHidden } from '../../terminal/ask.js'
import { inLine } from '../../terminal/clean.js'
import { defineCommand } from '../../terminal/command.js'
import { NotPossible, WrongUsage } from '../../terminal/failure.js'
import { type CommandIo, writeNote } from '../../terminal/io.js'
import { shellWord, textAt } from '../../terminal/text.js'
import type { OperatorUpstreams, ParameterVersion, Table, TenantRecord } from '../../upstreams/operator.js'
import { TENANT_ARGUMENT } from '../options.js'

/** Somewhat more than any credential. */
const INPUT_LENGTH_MAX = 8_192

interface SecretOptions {
  readonly dir: string
  /** False after `--no-check`. */
  readonly check: boolean
  readonly json?: true
}

const ROTATION = `
To rotate without a failed login:
  1. In Corbado, create a second API secret. The old one goes on working.
  2. Store the new one with this command.
  3. Wait SECRET_TTL_SECONDS (300 unless set): until then, processes of the
     gateway may still send the old one.
  4. In Corbado, delete the old one. If a process still sends it and Corbado
     refuses it, the process reads the parameter again and repeats the call.`

/** `secret set`: stores a tenant's Backend API credential where the gateway reads it. */
export function secretSetCommand(io: CommandIo): Command {
  const path = 'corbado-gateway secret set'
  return defineCommand(io, {
    path,
    summary:
      "Reads a tenant's Backend API credential from a pipe or a hidden prompt, checks its form and project, tries it at " +
      'Corbado, and stores it as SecureString. credentialScheme basic takes projectID:apiSecret or base64 of it.',
    examples: [`${path} acme-shop`, `pass show corbado/acme-shop | ${path} acme-shop`],
  })
    .argument(...TENANT_ARGUMENT)
    .option('--dir <folder>', 'folder with the tenant files, for a tenant that is not in the table yet', TENANTS_DIR)
    .option('--no-check', 'store it untried, e.g. if the key is bound to addresses that this machine does not have')
    .option('--json', 'print { kind: "secret", tenantId, userPoolId, parameter, version?, place, was?, taken, tried }')
    .addHelpText('after', ROTATION)
    .action((word: string, options: SecretOptions) =>
      withUpstreams(io, (upstreams, env) => setSecret(word, options, upstreams, env, io)),
    )
}

async function setSecret(
  word: string,
  { dir, json, check }: SecretOptions,
  upstreams: OperatorUpstreams,
  env: Env,
  io: CommandIo,
): Promise<void> {
  const tenant = await resolveSecretTenant(word, dir, { table: upstreams.table, env, io })
  const { tenantId, userPoolId, corbado } = tenant
  const place = await fetchPlace(upstreams, env, io)
  const was = await fetchStored(tenant, upstreams)
  if (!json) io.stdout.write(headText(tenant, place, was, io))
  const secret = readSecret(
    await readInput(`Backend API credential of ${tenantId} (${corbado.projectId}): `, io),
    corbado,
  )
  if (secret.kind === 'refused') throw new NotPossible(`the credential was not stored: ${secret.why}`)
  if (check) await tryCredential(secret.value, corbado, upstreams, io.env)
  const { credentialParameter: name } = corbado
  const { parameterKeyId: keyId } = readOperatorSettings(io.env)
  const request = { name, value: secret.value, type: 'SecureString', overwrite: true, keyId } as const
  const { version } = await upstreams.putParameter(request, operatorCall())
  if (json)
    return writeAnswer(io, 'secret', {
      tenantId,
      userPoolId,
      parameter: name,
      version,
      place,
      ...(was?.stored && { was: was.stored }),
      taken: secret.taken,
      tried: check,
    })
  const next = `corbado-gateway doctor ${shellWord(tenantId)}`
  const accepted = check ? `Corbado accepts it; all else: ${next}` : `Whether Corbado accepts it: ${next}`
  io.stdout.write(`taken as ${secret.taken}\nstored as version ${version} of ${name}\n${accepted}\n`)
}

/** The version of the secret that is there, if that is known. */
interface Stored {
  readonly stored?: Pick<ParameterVersion, 'version' | 'updatedAt' | 'updatedBy'>
  readonly unknown?: string
}

async function fetchStored(config: TenantFile, upstreams: OperatorUpstreams): Promise<Stored | undefined> {
  const history = await fetchSecretHistory({ config }, upstreams)
  const [newest] = history?.versions ?? []
  if (newest) {
    const { version, updatedAt } = newest
    return { stored: { version, updatedAt, updatedBy: authorOf(newest) } }
  }
  return history?.unknown === NOT_STORED ? undefined : { unknown: history?.unknown ?? 'its history is empty' }
}

/** What is about to be replaced, where and as whom: told before the secret is asked for. */
function headText(
  { tenantId, userPoolId, corbado }: TenantFile,
  place: PlanPlace,
  was: Stored | undefined,
  io: CommandIo,
) {
  const there = was?.stored
    ? `version ${was.stored.version} by ${inLine(was.stored.updatedBy)}, ${agoText(was.stored.updatedAt, io.clock.now())}`
    : was?.unknown === undefined
      ? 'not stored yet'
      : `which version is there is not known: ${was.unknown}`
  const head = `${tenantId} (${userPoolId}), ${corbado.credentialParameter}: ${there}`
  return `${placeText(place)}${textAt(2, head, io.stdout)}\n`
}

/**
 * Shows Corbado a proof that no key signed, which uses nothing up: what it says of the credential comes first.
 * @throws NotPossible if it does not accept the credential, or cannot be asked
 */
async function tryCredential(
  value: string,
  { projectId, backendApiUrl, credentialScheme }: TenantFile['corbado'],
  { verifySignedData }: OperatorUpstreams,
  variables: CommandIo['env'],
): Promise<void> {
  const authorization = `${credentialScheme === 'basic' ? 'Basic' : 'Bearer'} ${value}`
  const answer = await verifySignedData(
    { backendApiUrl, authorization, signedPasskeyData: falseProof(projectId), username: 'doctor' },
    createCall(TRY_MS),
  )
  if (answer.kind === 'result') return
  const said = corbadoSaid(answer, backendApiUrl)
  if (answer.kind === 'unauthorized') {
    throw new NotPossible(
      `the credential was not stored: ${said}, it does not accept it. If the key is bound to addresses or needs time: --no-check`,
    )
  }
  if (answer.facts.status === 404) {
    throw new NotPossible(
      `the credential was not stored: ${said}, it does not know ${projectId}, or is not the Backend API`,
    )
  }
  const { kind, facts, cause } = answer
  const advice = wayAdvice({ ...facts, timeUp: kind === 'timeout', cause }, variables)
  const why = advice === undefined ? said : `${said}: ${advice}`
  // Advice may be a question.
  const ended = why.endsWith('?') ? why : `${why}.`
  throw new NotPossible(
    `the credential was not stored: it could not be tried, ${ended} To store it untried: --no-check`,
  )
}

/** A person waits for it. */
const TRY_MS = 10_000

/** All that is piped in, or what a person types without seeing it. */
async function readInput(question: string, io: CommandIo): Promise<string> {
  if (io.stdin.isTTY) return askHidden(question, io)
  let text = ''
  for await (const chunk of io.stdin) {
    text += String(chunk)
    // A credential is short: this is another file.
    if (text.length > INPUT_LENGTH_MAX) break
  }
  return text
}

interface Sources {
  readonly table: Table
  readonly env: Env
  readonly io: CommandIo
}

/**
 * The tenant whose secret is meant: as the table has it, else as a file has it. A new tenant's secret comes before its
 * config is applied.
 * @throws NotPossible if there is none, or its config is not valid
 */
async function resolveSecretTenant(word: string, dir: string, { table, env, io }: Sources): Promise<TenantFile> {
  const records = await fetchRecords({ table })
  const files = await readFiles(dir, env)
  if (findTenants(records, word).length > 0) {
    const record = findTenant(records, word)
    const tenant = requireValid(record.config, record, env)
    const file = files.find(({ userPoolId }) => userPoolId === tenant.userPoolId)
    if (file?.config && !isDeepStrictEqual(Object(file.config).corbado, tenant.corbado)) noteOther(tenant, dir, io)
    return tenant
  }
  if (findTenants(files, word).length > 0)
    return requireValid(findTenant(files, word).config, findTenant(files, word), env)
  const file = await unappliedFile(word, dir)
  if (file !== undefined)
    throw new NotPossible(`${file} is no valid tenant file: corbado-gateway tenants validate ${shellWord(dir)}`)
  throw new NotPossible(`${noSuchTenant(records, word).message}; no valid file of ${dir} is of that name either`)
}

/** The valid files of a folder, in the form of records that were never written; none if there is no such folder. */
async function readFiles(dir: string, env: Env): Promise<TenantRecord[]> {
  try {
    const { entries } = await readTenantFolder(dir, env)
    return entries.map(({ tenant }) => {
      const { userPoolId } = tenant
      return { userPoolId, record: 'file', version: 0, updatedAt: '', updatedBy: '', config: tenant }
    })
  } catch (error) {
    if (error instanceof WrongUsage) return []
    throw error
  }
}

function noteOther({ tenantId }: TenantFile, dir: string, io: CommandIo): void {
  const note = `the file of ${tenantId} in ${dir} says something else under corbado than the table; the table counts`
  writeNote(io, 'note', note)
}
