import { type Static, Type } from 'typebox'
import { REGION_PATTERN, USER_POOL_ID_PATTERN } from '../../../src/ids.js'
import { HOURS } from '../../../src/operator/watch/settings.js'

/** What each pattern asks for, in words that complete "must be …". */
export const FORMS: Record<string, string> = {}

/** A text of this form; `form` completes "must be …". */
export function text(pattern: string, form: string, description: string) {
  FORMS[pattern] = form
  return Type.String({ pattern, description })
}

export const REGION = `^${REGION_PATTERN}$`
export const ALIAS = '^(?!\\d+$)[\\w-]{1,128}$'
FORMS[REGION] = 'an AWS region such as eu-central-1'
FORMS[USER_POOL_ID_PATTERN] = 'a user pool id such as eu-central-1_Ab12Cd34E'

export const closed = { additionalProperties: false }
export const account = (description: string) => text('^\\d{12}$', 'an account id of 12 digits, in quotes', description)
export const roleArn = (description: string) =>
  text('^arn:aws(-[a-z]+)*:iam::\\d{12}:role/[\\w+=,.@/-]{1,576}$', 'the ARN of an IAM role', description)
export const keyArn = (description: string) =>
  text('^arn:aws(-[a-z]+)*:kms:[a-z\\d-]+:\\d{12}:key/[\\w-]+$', 'the ARN of a KMS key, not of its alias', description)
const id = (prefix: string, what: string) =>
  text(`^${prefix}-[\\da-f]{8,17}$`, `${what} such as ${prefix}-0a1b2c3d`, what)

/** CloudWatch Logs keeps lines for one of these numbers of days (the API's own list, from a month upwards). */
const RETENTION_DAYS = [30, 60, 90, 120, 150, 180, 365, 400, 545, 731] as const

/** Size of the function. */
export const FunctionConfig = Type.Object(
  {
    memoryMb: Type.Integer({ minimum: 128, maximum: 10_240, description: '1 vCPU at 1,769 MB (fact A29)' }),
    reservedConcurrency: Type.Integer({
      minimum: 1,
      description: 'most environments at once; at least the peak of invocations a second divided by 10 (fact A30)',
    }),
    logRetentionDays: Type.Unsafe<(typeof RETENTION_DAYS)[number]>({ type: 'integer', enum: [...RETENTION_DAYS] }),
  },
  closed,
)

/** The same of the gateway's own function, on which the alarms are. */
export const GatewayFunctionConfig = Type.Object(
  {
    ...FunctionConfig.properties,
    silenceMinutes: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1_440,
        description:
          'minutes without an invocation after which the alarm Silence rings; 0 for none. Of many pools 5, of one none, if left out',
      }),
    ),
  },
  closed,
)

/** Checked by the service's own reader (environment.ts). */
export const Settings = Type.Record(Type.String(), Type.String(), {
  description: "the service's settings by their name in the environment, other than those that the stack sets itself",
})

/** Subnets whose NAT gateways give the function addresses of its own; without it, it has AWS's changing ones. */
export const Network = Type.Object(
  {
    subnetIds: Type.Array(id('subnet', 'a subnet'), { minItems: 2, maxItems: 16 }),
    securityGroupIds: Type.Array(id('sg', 'a security group'), { minItems: 1, maxItems: 5 }),
  },
  closed,
)

/** A canary: how much of every alias's traffic the new version has. */
export const Release = Type.Object(
  {
    stableVersion: text('^[1-9]\\d*$', 'a published version such as "12"', 'the version that has the rest'),
    newVersionWeight: Type.Number({ minimum: 0, maximum: 1, description: 'share of the version of this code' }),
  },
  closed,
)

/** The function that looks at the lines every five minutes. */
export const WatchConfig = Type.Object(
  {
    hours: Type.Integer({
      minimum: HOURS.least,
      maximum: HOURS.most,
      description: `hours that are compared; ${HOURS.usual} tell a tenant's silence, and every hour more is read 288 times a day`,
    }),
  },
  closed,
)

export const DeletionProtection = Type.Optional(
  Type.Boolean({ description: 'off for the first deployment, whose roll-back could not take away what is protected' }),
)

/** What Lambda leaves to functions without a reservation, in every account and region (LIMITS.md). */
export const UNRESERVED = 100
/** An account's limit of concurrency in a region as AWS gives it. */
export const CONCURRENCY_DEFAULT = 1_000
export const ConcurrencyLimit = Type.Optional(
  Type.Integer({
    minimum: UNRESERVED + 1,
    description: `the account's limit of environments in this region, ${CONCURRENCY_DEFAULT} unless AWS raised it`,
  }),
)

export type FunctionConfig = Static<typeof FunctionConfig>
export type GatewayFunctionConfig = Static<typeof GatewayFunctionConfig>
export type Network = Static<typeof Network>
export type Release = Static<typeof Release>
export type WatchConfig = Static<typeof WatchConfig>
