import { EnvInvalid } from '../../errors.js'
import { PARTITION_PATTERN, REGION_PATTERN } from '../../ids.js'

/** The key of the table under which all of its records are, and to which the function's rights are limited; no pool is called so. */
export const WATCH_OWNER = 'watch'
/** What is compared, in hours: less knows no usual, and more costs more than it tells. */
export const HOURS = { least: 2, usual: 6, most: 24 } as const

interface WatchSetting {
  readonly name: string
  readonly pattern: RegExp
  /** Completes "NAME must be …". */
  readonly form: string
}

/** What the function reads from its environment; the stack sets all of it. */
export const WATCH_SETTINGS = {
  region: { name: 'AWS_REGION', pattern: new RegExp(`^${REGION_PATTERN}$`), form: 'an AWS region' },
  tenantTable: { name: 'TENANT_TABLE', pattern: /^[\w.-]{3,255}$/, form: 'the name of a table' },
  logGroups: {
    name: 'LOG_GROUPS',
    pattern: /^[\w./#-]{1,512}(,[\w./#-]{1,512}){0,9}$/,
    form: 'at most ten names of log groups, separated by commas',
  },
  topicArn: {
    name: 'ALARM_TOPIC_ARN',
    pattern: new RegExp(`^arn:${PARTITION_PATTERN}:sns:${REGION_PATTERN}:\\d{12}:[\\w-]{1,256}$`),
    form: 'the ARN of an SNS topic',
  },
  hours: {
    name: 'WATCH_HOURS',
    pattern: /^([2-9]|1\d|2[0-4])$/,
    form: `a number from ${HOURS.least} to ${HOURS.most}`,
  },
} as const satisfies Record<string, WatchSetting>

export type WatchSettings = { readonly [K in keyof typeof WATCH_SETTINGS]: string }

/**
 * Reads them.
 * @throws GW_ERR_ENV_INVALID naming every one that is missing or wrong
 */
export function readWatchSettings(source: Readonly<Record<string, string | undefined>>): WatchSettings {
  const wrong = Object.values<WatchSetting>(WATCH_SETTINGS).flatMap(({ name, pattern, form }) => {
    const value = source[name]
    return value !== undefined && pattern.test(value) ? [] : [`${name} must be ${form}.`]
  })
  if (wrong.length > 0) throw new EnvInvalid(wrong.join(' '))
  const read = Object.entries<WatchSetting>(WATCH_SETTINGS).map(([key, { name }]) => [key, source[name]])
  return Object.fromEntries(read)
}
