import { type Env, parseEnv, SETTINGS } from '../env.js'
import { EnvInvalid } from '../errors.js'
import { AWS_DOMAINS, PARTITION_PATTERN, REGION_PATTERN } from '../ids.js'
import { unseenCredentialsText } from './sign-in.js'

/** One setting of the operator's own: what the table in tenants/README.md says of it, and the form that its text must have. */
interface OperatorSetting {
  readonly name: string
  readonly doc: string
  readonly pattern: RegExp
  /** Completes "NAME must be …". */
  readonly form: string
}

const roleArn = new RegExp(`^arn:${PARTITION_PATTERN}:iam::\\d{12}:role/[\\w+=,.@/-]{1,576}$`)
const domains = AWS_DOMAINS.map((domain) => domain.replaceAll('.', '\\.')).join('|')

/**
 * Settings that an operator's commands read in addition to TENANT_TABLE and AWS_REGION. Only the commands that use one
 * need it; of these the service knows GATEWAY_FUNCTION_ARN alone.
 */
export const OPERATOR_SETTINGS = {
  gatewayFunctionArn: {
    name: 'GATEWAY_FUNCTION_ARN',
    doc: "ARN of the gateway's function in this region, without an alias",
    pattern: new RegExp(`^arn:${PARTITION_PATTERN}:lambda:${REGION_PATTERN}:\\d{12}:function:[\\w-]{1,64}$`),
    form: 'the ARN of a Lambda function without version or alias',
  },
  gatewayRoleArn: {
    name: 'GATEWAY_ROLE_ARN',
    doc: "ARN of the role under which the gateway's function runs; customers' roles trust it",
    pattern: roleArn,
    form: 'the ARN of an IAM role',
  },
  doctorRoleArn: {
    name: 'DOCTOR_ROLE_ARN',
    doc: "ARN of the role under which the doctor tries customers' roles; they trust it too",
    pattern: roleArn,
    form: 'the ARN of an IAM role',
  },
  customerTemplateUrl: {
    name: 'CUSTOMER_TEMPLATE_URL',
    doc: "https S3 address of the CloudFormation template of the customer's role",
    // CloudFormation takes a quick-create template from S3 alone (fact A39).
    pattern: new RegExp(`^https://([\\w-]+\\.)*s3([.-][\\w-]+)*\\.(${domains})/[^\\s?#]+$`),
    form: 'the https address of an object in S3',
  },
  parameterKeyId: {
    name: 'PARAMETER_KEY_ID',
    doc: "KMS key that encrypts the tenants' secrets; without it the account's own `aws/ssm`",
    pattern: new RegExp(`^(arn:${PARTITION_PATTERN}:kms:${REGION_PATTERN}:\\d{12}:(key|alias)/)?[\\w/-]{1,256}$`),
    form: 'the id or ARN of a KMS key or of its alias',
  },
  handOverContact: {
    name: 'HAND_OVER_CONTACT',
    doc: 'who answers a customer, as a hand-over names them, such as `Ada Ott, ada@corbado.example`; without it whoever sends the page',
    pattern: /^[^\p{C}\p{Zl}\p{Zp}]{1,200}$/u,
    form: 'one line of at most 200 characters',
  },
  pseudonymKeyParameter: {
    name: 'PSEUDONYM_KEY_PARAMETER',
    doc: 'SSM parameter with the key of the pseudonyms, as the service has it: for `--user` with what a customer says',
    pattern: /^\/?[\w.-]+(\/[\w.-]+)*$/,
    form: 'the name of an SSM parameter',
  },
  logGroups: {
    name: 'LOG_GROUPS',
    doc: "log groups with the gateway's lines, separated by commas; without it the function's own, `/aws/lambda/<name>`",
    pattern: /^[\w./#-]{1,512}(,[\w./#-]{1,512}){0,9}$/,
    form: 'at most ten names of log groups, separated by commas',
  },
  logRetentionDays: {
    name: 'LOG_RETENTION_DAYS',
    doc: "how many days the gateway's lines are kept (`logRetentionDays` of the stack), as a hand-over says it; without it the hand-over says that this is not known",
    pattern: /^[1-9]\d{0,3}$/,
    form: 'a number of days',
  },
} as const satisfies Record<string, OperatorSetting>

type Name = keyof typeof OPERATOR_SETTINGS

/** The operator's settings; one that is not set is left out. */
export type OperatorSettings = { readonly [K in Name]?: string }

/**
 * Reads the operator's settings from environment variables.
 * @param needed those without which the command cannot work; if there are any, it needs the process's own too
 * @throws GW_ERR_ENV_INVALID naming all that are needed and missing, or the first that is wrong
 */
export function readOperatorSettings<K extends Name = never>(
  source: Readonly<Record<string, string | undefined>>,
  needed: readonly K[] = [],
): OperatorSettings & { readonly [Needed in K]: string } {
  withCredentials(source, () => assertSet(source, needed))
  const given = Object.entries<OperatorSetting>(OPERATOR_SETTINGS).flatMap(([key, setting]) => {
    // An empty variable was meant to be unset.
    const value = source[setting.name]
    return value ? [[key, checked(setting, value)]] : []
  })
  const settings: OperatorSettings = Object.fromEntries(given)
  assertOneAccount(settings)
  // Object.fromEntries forgets which keys it was given; `needed` was checked above.
  return settings as OperatorSettings & { readonly [Needed in K]: string }
}

/** The log group of a function is called after it. */
const OF_FUNCTIONS = '/aws/lambda/'
const FUNCTION = 'corbado-cognito-gateway'

/** The log groups that have the gateway's lines. */
export function logGroupsOf({
  logGroups,
  gatewayFunctionArn,
}: Pick<OperatorSettings, 'logGroups' | 'gatewayFunctionArn'>): readonly string[] {
  return logGroups?.split(',') ?? [`${OF_FUNCTIONS}${gatewayFunctionArn?.split(':').at(-1) ?? FUNCTION}`]
}

/**
 * The service's own settings, for a command.
 * @throws GW_ERR_ENV_INVALID as `parseEnv`, with a word on AWS credentials if those seem to be missing too
 */
export function parseCommandEnv(source: Readonly<Record<string, string | undefined>>): Env {
  return withCredentials(source, () => parseEnv(source))
}

/** Whoever has set nothing yet is told of the credentials too, not once all else is there. */
function withCredentials<T>(source: Readonly<Record<string, string | undefined>>, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const isBare = error instanceof EnvInvalid && /\bAWS_REGION is not set/.test(error.message)
    const unseen = isBare ? unseenCredentialsText(source) : undefined
    throw isBare && unseen !== undefined ? new EnvInvalid(`${error.message} ${unseen}`) : error
  }
}

/** Everything that is missing is told at once: a person sets it once, and does not start the command for each. */
function assertSet(source: Readonly<Record<string, string | undefined>>, needed: readonly Name[]): void {
  if (needed.length === 0) return
  const missing = [...REQUIRED, ...needed.map((key) => OPERATOR_SETTINGS[key])].filter(({ name }) => !source[name])
  if (missing.length === 0) return
  throw new EnvInvalid(missing.map(({ name, doc }) => `${name} is not set: ${doc}.`).join(' '))
}

/** What every command on the table needs, beside settings of the operator's own. */
const REQUIRED = [SETTINGS.tenantTable, SETTINGS.awsRegion]

/** The function and its roles are of one account: customers' roles trust the account that these name, mistyped or not. */
function assertOneAccount(settings: OperatorSettings): void {
  const [first, ...others] = (['gatewayFunctionArn', 'gatewayRoleArn', 'doctorRoleArn'] as const).flatMap((key) => {
    const [, partition, , , accountId] = settings[key]?.split(':') ?? []
    return accountId === undefined ? [] : [{ name: OPERATOR_SETTINGS[key].name, account: `${partition}:${accountId}` }]
  })
  const other = others.find(({ account }) => account !== first?.account)
  if (!first || !other) return
  throw new EnvInvalid(
    `${other.name} is of another account than ${first.name}: ${other.account}, ${first.account}. The function and its roles are of one.`,
  )
}

function checked({ name, pattern, form }: OperatorSetting, value: string): string {
  if (pattern.test(value)) return value
  throw new EnvInvalid(`${name} must be ${form}, but is "${value}".`)
}
