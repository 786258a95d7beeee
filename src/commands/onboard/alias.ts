import { isUpstreamError } from '../../errors.js'
import { hasRoom, planAlias } from '../../operator/aliases/choose.js'
import type { AliasPlace } from '../../operator/aliases/place.js'
import { type SurveyedAlias, surveyAliases } from '../../operator/aliases/survey.js'
import { poolArnIn } from '../../operator/pool/arn.js'
import type { TenantFile } from '../../tenant/config.js'
import { WrongUsage } from '../../terminal/failure.js'
import type { KnownTenant } from './known.js'

/** What the choice of an alias is made of. */
export interface AliasQuestion {
  readonly place: AliasPlace
  readonly known: readonly KnownTenant[]
  /** The new pool's. */
  readonly poolArn: string
  /** What somebody wants it to be. */
  readonly wanted: string | undefined
  /** Called where the policies cannot be read, and the choice is made of files and table alone. */
  warn(text: string): void
}

/**
 * Chooses the alias of a new tenant, one with room for all the pools that it has and will have.
 * @throws WrongUsage where the wanted one has none
 */
export async function chooseAlias({ place, known, poolArn, wanted, warn }: AliasQuestion): Promise<string> {
  const { upstreams, functionArn, actionsAlias, region } = place
  const surveyed = await surveyAliases(upstreams.aliases, functionArn).catch((error: unknown): SurveyedAlias[] => {
    if (!isUpstreamError(error)) throw error
    warn(
      `the policies of the aliases could not be read (${error.reason}); aliases grant will say whether there is room`,
    )
    return []
  })
  const configs = known.flatMap(({ config }) => config ?? [])
  const names = new Set([...surveyed, ...configs].map(({ alias }) => alias))
  const uses = [...names, actionsAlias].map((alias) => {
    const policy = surveyed.find((one) => one.alias === alias)?.policy
    const poolArns = [...new Set([...(policy?.poolArns ?? []), ...poolArnsOf(configs, alias, region)])]
    return { alias, poolArns, closed: alias === actionsAlias || (policy !== undefined && policy.faults.length > 0) }
  })
  if (wanted === undefined) return planAlias(uses, poolArn, functionArn).alias
  const { poolArns } = uses.find(({ alias }) => alias === wanted) ?? { poolArns: [] }
  if (hasRoom(`${functionArn}:${wanted}`, [...poolArns, poolArn])) return wanted
  throw new WrongUsage(`--alias ${wanted} has no room for another pool: leave it out, and one with room is chosen`)
}

function poolArnsOf(configs: readonly TenantFile[], alias: string, region: string): string[] {
  return configs.flatMap((config) => (config.alias === alias ? (poolArnIn(region, config) ?? []) : []))
}
