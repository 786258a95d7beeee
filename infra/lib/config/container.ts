import { type Static, Type } from 'typebox'
import { REGION_PATTERN } from '../../../src/ids.js'
import { DeletionProtection, FunctionConfig, text } from './parts.js'

const closed = { additionalProperties: false }

/** CPU units of Fargate's task sizes; which memory goes with which, Fargate itself checks. */
const CPU = [256, 512, 1024, 2048, 4096] as const

const TaskConfig = Type.Object(
  {
    cpu: Type.Unsafe<(typeof CPU)[number]>({ type: 'integer', enum: [...CPU], description: '1024 is one CPU' }),
    memoryMb: Type.Integer({ minimum: 512, maximum: 30_720 }),
    min: Type.Integer({
      minimum: 2,
      description: 'tasks at least; two, so that a zone or a deployment takes no login down',
    }),
    max: Type.Integer({ minimum: 2 }),
    requestsPerMinute: Type.Integer({ minimum: 60, description: 'of one task, from which on another one is started' }),
    logRetentionDays: FunctionConfig.properties.logRetentionDays,
  },
  closed,
)

/** The gateway of a region in containers, with the function that Cognito calls for them. */
export const ContainerConfig = Type.Object(
  {
    vpcCidr: text(
      '^(\\d{1,3}\\.){3}\\d{1,3}/(1[6-9]|2[0-2])$',
      'an address range such as 10.40.0.0/16',
      'of /16 to /22',
    ),
    // Named here, or the synthesis would have to ask AWS for them.
    availabilityZones: Type.Array(text(`^${REGION_PATTERN}[a-z]$`, 'a zone such as eu-central-1a', ''), {
      minItems: 2,
      maxItems: 3,
      uniqueItems: true,
    }),
    deletionProtection: DeletionProtection,
    domainName: text(
      '^([a-z\\d-]+\\.)+[a-z]{2,}$',
      'a domain name',
      "of the load balancer's certificate; resolved in the VPC alone",
    ),
    certificateArn: text(
      '^arn:aws(-[a-z]+)*:acm:[a-z\\d-]+:\\d{12}:certificate/[\\w-]+$',
      'the ARN of a certificate',
      'in ACM',
    ),
    image: Type.Object(
      {
        repository: text(
          '^[a-z\\d]+([._/-][a-z\\d]+)*$',
          'the name of an ECR repository',
          "in the gateway's account and region",
        ),
        digest: text('^sha256:[\\da-f]{64}$', 'a digest such as sha256:…', 'what was tested is what runs'),
      },
      closed,
    ),
    task: TaskConfig,
    forwarder: FunctionConfig,
    tenantAliases: Type.Array(text('^(?!\\d+$)[\\w-]{1,128}$', 'a Lambda alias name', 'aliases of the forwarder'), {
      uniqueItems: true,
    }),
    callerSecretsParameter: text(
      '^(/[\\w.-]+){2,15}$',
      'an SSM parameter name',
      'below the prefix; written by an operator',
    ),
  },
  closed,
)
export type ContainerConfig = Static<typeof ContainerConfig>
