import { join } from 'node:path'
import type { AliasPlace } from '../../operator/aliases/place.js'
import { readConfigRules } from '../../operator/config-rules.js'
import { readTenantFile } from '../../operator/files/read.js'
import { changesOf } from '../../operator/records/changes.js'
import { fetchRecords, findTenant } from '../../operator/records/find.js'
import { requireConfig, requireValid } from '../../operator/records/record.js'
import { featuresOfTenant } from '../../operator/role/features.js'
import type { Feature } from '../../operator/role/role.js'
import type { TenantFile } from '../../tenant/config.js'
import { NotPossible, WrongUsage } from '../../terminal/failure.js'
import { readTextFile, replaceFile } from '../../terminal/file.js'
import { type CommandIo, writeNote } from '../../terminal/io.js'
import { shellWord } from '../../terminal/text.js'
import { featuresOf } from './answers.js'
import { checkFeatures, type OnboardPlace } from './checks.js'
import { type RoleSettings, termsOf } from './draft.js'
import { type HandOver, handOverMarkdown } from './hand-over/index.js'

interface AgainRequest {
  /** Tenant id, user pool id, or a customer with one pool. */
  readonly word: string
  /** Folder of the tenant files. */
  readonly dir: string
  /** What `--features` says; without it, what the config needs, and the checks. */
  readonly features: string | undefined
  /** Where the page goes, if not beside the tenant's name. */
  readonly file: string | undefined
  readonly settings: RoleSettings
  readonly page: Pick<HandOver, 'contact' | 'written' | 'validUntil' | 'logRetentionDays'>
}

/** Many times the longest hand-over. */
const HAND_OVER_BYTES_MAX = 1024 * 1024

/** Makes the hand-over of a tenant of the table again: all that is in it follows from the record. */
export async function handOverAgain(request: AgainRequest, place: AliasPlace, io: CommandIo) {
  const { word, dir, settings, page, file } = request
  const rules = readConfigRules(io.env)
  const record = findTenant(await fetchRecords(place.upstreams), word)
  const tenant = requireValid(requireConfig(record), record, rules)
  const { tenantId, aws } = tenant
  if (aws.roleArn === null || aws.externalId === null) {
    throw new NotPossible(`${tenantId} is self-hosted: its gateway uses a role of its own, and nothing is handed over`)
  }
  if (aws.region !== place.region) {
    throw new NotPossible(`${tenantId} is of ${aws.region}: run this with AWS_REGION and settings of that region`)
  }
  const unapplied = await unappliedFields(join(dir, `${tenantId}.yaml`), tenant, io)
  const features = featuresFor(tenant, request.features, { rules, region: place.region, known: [] })
  const terms = termsOf(tenant, features, settings)
  const templateUrl = settings.customerTemplateUrl
  const hostedArn = `${place.functionArn}:${tenant.alias}`
  const handOver = handOverMarkdown({ tenant, terms, templateUrl, hostedArn, ...page, again: true })
  const handOverFile = file ?? `${tenantId}.hand-over.md`
  await writePage(handOverFile, tenant, handOver)
  if (unapplied.length > 0) {
    writeNote(
      io,
      'warning',
      `${join(dir, `${tenantId}.yaml`)} says otherwise than the table (${unapplied.join(', ')}), and the page is of the table: ` +
        `corbado-gateway tenants apply ${shellWord(dir)} --yes, then this again`,
    )
  }
  return { tenant, terms, templateUrl, hostedArn, handOverFile }
}

/**
 * The features of the role: those that the config needs cannot be left out.
 * @throws WrongUsage naming what is wrong with those that were asked for
 */
function featuresFor(tenant: TenantFile, asked: string | undefined, place: OnboardPlace): Feature[] {
  const needed = featuresOfTenant(tenant)
  if (asked === undefined) return needed
  const issue = checkFeatures(asked, {}, place)
  if (issue !== undefined) throw new WrongUsage(`--features ${issue}`)
  const features = featuresOf({ features: asked })
  const missing = needed.filter((feature) => feature !== 'checks' && !features.includes(feature))
  if (missing.length === 0) return features
  throw new WrongUsage(`--features must hold ${missing.join(', ')}, which the config of ${tenant.tenantId} needs`)
}

/** Fields in which the tenant's file, if there is one, is not what the table has; its status is the table's in any case. */
async function unappliedFields(file: string, tenant: TenantFile, io: CommandIo): Promise<string[]> {
  const read = await readTenantFile(file, readConfigRules(io.env))
  if (read.tenant?.userPoolId !== tenant.userPoolId) return []
  return changesOf(tenant, read.tenant).flatMap(({ field }) => (field === 'status' ? [] : [field]))
}

/**
 * Writes a page, over an earlier one of the same pool if that has the name.
 * @throws NotPossible if the file is anything else, or cannot be written
 */
async function writePage(file: string, { userPoolId }: TenantFile, page: string): Promise<void> {
  const old = await readTextFile(file, HAND_OVER_BYTES_MAX)
  const isOurs = old.kind === 'text' && old.text.startsWith('# Passkeys for ') && old.text.includes(`\`${userPoolId}\``)
  if (old.kind !== 'absent' && !isOurs) {
    throw new NotPossible(`${file} is there and is no hand-over of ${userPoolId}: name another file with --hand-over`)
  }
  await replaceFile(file, page).catch((error: NodeJS.ErrnoException) => {
    throw new NotPossible(`${file} cannot be written (${error.code})`)
  })
}
