import { readFileSync } from 'node:fs'
import type { TSchema } from 'typebox'
import { Check, Errors } from 'typebox/value'
import { HostedConfig, SelfHostedConfig } from './config.js'
import { CONCURRENCY_DEFAULT, FORMS, UNRESERVED } from './parts.js'

/** Thrown for a config that cannot be deployed; the message names file, field and what belongs there, a line each. */
export class ConfigInvalid extends Error {}

/**
 * Reads the file that says what is to be deployed.
 * @throws ConfigInvalid naming everything that is wrong with it
 */
export function readConfig(path: string): HostedConfig | SelfHostedConfig {
  return parseConfig(parseJson(path), path)
}

/** {@link readConfig} for what was read already; `source` is how messages call it. */
export function parseConfig(value: unknown, source: string): HostedConfig | SelfHostedConfig {
  const kind = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined
  if (kind === 'hosted') {
    const config = checked(HostedConfig, value, source)
    assertIssues(hostedIssues(config), source)
    return config
  }
  if (kind === 'self-hosted') {
    const config = checked(SelfHostedConfig, value, source)
    assertIssues(concurrencyIssues('', config), source)
    return config
  }
  throw new ConfigInvalid(`${source}: /kind must be "hosted" or "self-hosted"`)
}

function parseJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new ConfigInvalid(`${path} cannot be read: ${error instanceof Error ? error.message : error}`)
  }
}

function checked<T extends TSchema>(schema: T, value: unknown, source: string) {
  if (Check(schema, value)) return value
  assertIssues(Errors(schema, value).flatMap(issuesOf), source)
  throw new ConfigInvalid(`${source} does not have the form of a config`)
}

type SchemaError = ReturnType<typeof Errors>[number]

function issuesOf({ keyword, instancePath: path, params, message }: SchemaError): string[] {
  switch (keyword) {
    case 'boolean':
      return []
    case 'additionalProperties':
      return params.additionalProperties.map((key) => `${path}/${key} is not a known field`)
    case 'required':
      return params.requiredProperties.map((key) => `${path}/${key} is missing`)
    case 'enum':
      return [`${path} must be one of ${params.allowedValues.join(', ')}`]
    case 'pattern':
      return [`${path} must be ${FORMS[String(params.pattern)] ?? `text like ${params.pattern}`}`]
    default:
      return [`${path} ${message}`]
  }
}

type Reserving = Pick<HostedConfig['regions'][string], 'function' | 'concurrencyLimit' | 'containers'>

/** Rules that span fields. */
function hostedIssues({ regions, homeRegion, account, alarmTopicName }: HostedConfig): string[] {
  const issues: string[] = []
  if (!regions[homeRegion]) issues.push(`/homeRegion must be one of /regions: ${Object.keys(regions).join(', ')}`)
  for (const [region, config] of Object.entries(regions)) {
    const { table } = config
    issues.push(...concurrencyIssues(`/regions/${region}`, config))
    if (config.watch && alarmTopicName === undefined)
      issues.push(`/regions/${region}/watch needs /alarmTopicName: it tells nobody otherwise`)
    if (table === 'replica') {
      const home = Object.values(regions).some((other) => other.table !== 'replica')
      if (!home)
        issues.push(`/regions/${region}/table is "replica", but no region has the table that it is a replica of`)
      continue
    }
    for (const [at, keyArn] of Object.entries(table.replicaKeyArns)) {
      const path = `/regions/${region}/table/replicaKeyArns/${at}`
      if (at === region) issues.push(`${path} is the region of the table itself`)
      else if (regions[at]?.table !== 'replica') issues.push(`${path} needs /regions/${at} with "table": "replica"`)
      if (!keyArn.includes(`:kms:${at}:${account}:`)) issues.push(`${path} must be a key of ${at} and ${account}`)
    }
  }
  return issues
}

/** Lambda refuses, half-way through a deployment, what leaves less than their part to all other functions. */
function concurrencyIssues(path: string, config: Reserving): string[] {
  const { concurrencyLimit: limit = CONCURRENCY_DEFAULT, containers } = config
  const reserved = config.function.reservedConcurrency + (containers?.forwarder.reservedConcurrency ?? 0)
  if (reserved <= limit - UNRESERVED) return []
  const of = containers ? 'function and forwarder reserve' : 'the function reserves'
  const way = 'reserve less, or have AWS raise the limit and say so in concurrencyLimit'
  return [`${path}: ${of} ${reserved}, and of ${limit} Lambda leaves ${limit - UNRESERVED}: ${way}`]
}

function assertIssues(issues: readonly string[], source: string): void {
  const [first, ...more] = [...new Set(issues)]
  if (first === undefined) return
  throw new ConfigInvalid([first, ...more].map((issue) => `${source}: ${issue}`).join('\n'))
}
