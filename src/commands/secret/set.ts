import { isDeepStrictEqual } from 'node:util'
import type { Command } from 'commander'
import type { Env } from '../../env.js'
import { fieldAt } from '../../fields.js'
import { writeAnswer } from '../../operator/answers/write.js'
import { readTenantFolder } from '../../operator/files/folder.js'
import { fetchPlace, type PlanPlace, placeText } from '../../operator/place.js'
import { fetchRecords, findTenant, findTenants, noSuchTenant } from '../../operator/records/find.js'
import { agoText } from '../../operator/records/past.js'
import { requireValid } from '../../operator/records/record.js'
import { authorOf, fetchWriters, NOT_STORED } from '../../operator/records/secret.js'
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
import { clientKind } from './client.js'
import { credentialKind } from './credential.js'

/** Somewhat more than any credential. */
const INPUT_LENGTH_MAX = 8_192

interface SecretOptions {
  readonly dir: string
  /** The secret of post-login's app client is meant. */
  readonly client?: true
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
      'Corbado, and stores it as SecureString. credentialScheme basic takes projectID:apiSecret or base64 of it. With ' +
      "--client the same for the secret of post-login's app client, which the doctor compares with Cognito's.",
    examples: [`${path} acme-shop`, `pass show corbado/acme-shop | ${path} acme-shop`, `${path} acme-shop --client`],
  })
    .argument(...TENANT_ARGUMENT)
    .option('--client', 'the secret of the app client of actions.postLogin, not the Backend API credential')
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
  { dir, client, json, check }: SecretOptions,
  upstreams: OperatorUpstreams,
  env: Env,
  io: CommandIo,
): Promise<void> {
  if (client && !check) {
    throw new WrongUsage(
      '--no-check is for the Backend API credential: the secret of an app client is tried by the doctor',
    )
  }
  const tenant = await resolveSecretTenant(word, { dir, client }, { table: upstreams.table, env, io })
  const { tenantId, userPoolId } = tenant
  const kind = client ? clientKind(tenant) : credentialKind(tenant, upstreams, io.env)
  const { noun, parameter: name, taker } = kind
  const place = await fetchPlace(upstreams, env, io)
  const was = await fetchStored(name, upstreams)
  if (!json) io.stdout.write(headText(tenant, name, place, was, io))
  const secret = kind.read(await readInput(kind.question, io))
  if (secret.kind === 'refused') throw new NotPossible(`the ${noun} was not stored: ${secret.why}`)
  const tried = check && kind.try !== undefined
  if (tried) await kind.try?.(secret.value)
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
      tried,
    })
  const next = `corbado-gateway doctor ${shellWord(tenantId)}`
  const accepted = tried ? `${taker} accepts it; all else: ${next}` : `Whether ${taker} accepts it: ${next}`
  io.stdout.write(`taken as ${secret.taken}\nstored as version ${version} of ${name}\n${accepted}\n`)
}

/** The version of the secret that is there, if that is known. */
interface Stored {
  readonly stored?: Pick<ParameterVersion, 'version' | 'updatedAt' | 'updatedBy'>
  readonly unknown?: string
}

async function fetchStored(name: string, upstreams: OperatorUpstreams): Promise<Stored | undefined> {
  const history = await fetchWriters(name, upstreams)
  const [newest] = history.versions
  if (newest) {
    const { version, updatedAt } = newest
    return { stored: { version, updatedAt, updatedBy: authorOf(newest) } }
  }
  return history.unknown === NOT_STORED ? undefined : { unknown: history.unknown ?? 'its history is empty' }
}

/** What is about to be replaced, where and as whom: told before the secret is asked for. */
function headText(
  { tenantId, userPoolId }: TenantFile,
  name: string,
  place: PlanPlace,
  was: Stored | undefined,
  io: CommandIo,
) {
  const there = was?.stored
    ? `version ${was.stored.version} by ${inLine(was.stored.updatedBy)}, ${agoText(was.stored.updatedAt, io.clock.now())}`
    : was?.unknown === undefined
      ? 'not stored yet'
      : `which version is there is not known: ${was.unknown}`
  const head = `${tenantId} (${userPoolId}), ${name}: ${there}`
  return `${placeText(place)}${textAt(2, head, io.stdout)}\n`
}

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
async function resolveSecretTenant(
  word: string,
  { dir, client }: { readonly dir: string; readonly client: true | undefined },
  { table, env, io }: Sources,
): Promise<TenantFile> {
  const records = await fetchRecords({ table })
  const files = await readFiles(dir, env)
  if (findTenants(records, word).length > 0) {
    const record = findTenant(records, word)
    const tenant = requireValid(record.config, record, env)
    const file = files.find(({ userPoolId }) => userPoolId === tenant.userPoolId)
    const part = (config: unknown) => (client ? fieldAt(config, 'actions', 'postLogin') : fieldAt(config, 'corbado'))
    if (file?.config && !isDeepStrictEqual(part(file.config), part(tenant))) {
      noteOther(tenant, dir, client ? 'actions.postLogin' : 'corbado', io)
    }
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

function noteOther({ tenantId }: TenantFile, dir: string, under: string, io: CommandIo): void {
  const note = `the file of ${tenantId} in ${dir} says something else under ${under} than the table; the table counts`
  writeNote(io, 'note', note)
}
