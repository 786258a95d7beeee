import { type Static, Type } from 'typebox'
import { USER_POOL_ID_LENGTH_MAX, USER_POOL_ID_PATTERN } from '../../../src/ids.js'
import { ContainerConfig } from './container.js'
import {
  ALIAS,
  account,
  ConcurrencyLimit,
  closed,
  DeletionProtection,
  GatewayFunctionConfig,
  keyArn,
  Network,
  REGION,
  Release,
  roleArn,
  Settings,
  text,
  WatchConfig,
} from './parts.js'

const RegionConfig = Type.Object(
  {
    tenantAliases: Type.Array(text(ALIAS, 'a Lambda alias name: letters, digits, - and _, not digits alone', ''), {
      uniqueItems: true,
      description: 'aliases behind which pools are; the alias of actions is not among them',
    }),
    table: Type.Union([
      // The table of another region has a replica here.
      Type.Literal('replica'),
      Type.Object(
        { replicaKeyArns: Type.Record(Type.String({ pattern: REGION }), keyArn('key there'), closed) },
        closed,
      ),
    ]),
    deletionProtection: DeletionProtection,
    concurrencyLimit: ConcurrencyLimit,
    function: GatewayFunctionConfig,
    release: Type.Optional(Release),
    network: Type.Optional(Network),
    containers: Type.Optional(ContainerConfig),
    watch: Type.Optional(WatchConfig),
    settings: Settings,
  },
  closed,
)

/** One deployment for every customer, in one account and one or more regions. */
export const HostedConfig = Type.Object(
  {
    kind: Type.Literal('hosted'),
    account: account("Corbado's account for the gateway"),
    homeRegion: Type.String({ pattern: REGION, description: 'where the roles and the template bucket are made' }),
    operatorRoleArn: roleArn('who may become the doctor'),
    actionCallerRoleArn: roleArn('who may invoke actions'),
    alarmTopicName: Type.Optional(text('^[\\w-]{1,256}$', 'the name of an SNS topic', 'exists in every region')),
    regions: Type.Record(Type.String({ pattern: REGION }), RegionConfig, { ...closed, minProperties: 1 }),
  },
  closed,
)

/** A customer's own deployment, in the pool's account and region, for that pool alone. */
export const SelfHostedConfig = Type.Object(
  {
    kind: Type.Literal('self-hosted'),
    account: account('the account of the pool'),
    region: Type.String({ pattern: REGION, description: 'the region of the pool' }),
    userPoolId: Type.String({ pattern: USER_POOL_ID_PATTERN, maxLength: USER_POOL_ID_LENGTH_MAX }),
    actionCallerRoleArn: Type.Optional(roleArn('who may invoke actions')),
    postLogin: Type.Optional(Type.Boolean({ description: 'may the function sign users in, for actions.postLogin?' })),
    claim: Type.Optional(Type.Boolean({ description: 'may the function read app clients, for login.claim?' })),
    alarmTopicName: Type.Optional(text('^[\\w-]{1,256}$', 'the name of an SNS topic', 'exists in the region')),
    deletionProtection: DeletionProtection,
    concurrencyLimit: ConcurrencyLimit,
    function: GatewayFunctionConfig,
    network: Type.Optional(Network),
    settings: Settings,
  },
  closed,
)

export type HostedConfig = Static<typeof HostedConfig>
export type SelfHostedConfig = Static<typeof SelfHostedConfig>
export type RegionConfig = Static<typeof RegionConfig>
