import { AttributeType, Billing, TableEncryptionV2, TableV2 } from 'aws-cdk-lib/aws-dynamodb'
import { type IKey, Key } from 'aws-cdk-lib/aws-kms'
import type { Construct } from 'constructs'
import { NAMES, OUTLIVES } from '../names.js'

/** A key of ours that rotates every year and outlives its stack: without it what it encrypted is lost. */
export function createKey(scope: Construct, id: string, alias: string, description: string): Key {
  return new Key(scope, id, { alias, description, enableKeyRotation: true, removalPolicy: OUTLIVES })
}

export interface TenantTableOptions {
  readonly key: IKey
  /** Nothing can delete the table, not even the roll-back of the deployment that makes it: so off in the first one. */
  readonly deletionProtection: boolean
  /** Key of each further region that has a replica, made there by its own stack. */
  readonly replicaKeyArns?: Readonly<Record<string, string>>
}

/** The table of tenant configs. Reads are few and in bursts, so it is paid by request. */
export function createTenantTable(
  scope: Construct,
  { key, deletionProtection, replicaKeyArns = {} }: TenantTableOptions,
): TableV2 {
  return new TableV2(scope, 'Tenants', {
    tableName: NAMES.table,
    partitionKey: { name: 'userPoolId', type: AttributeType.STRING },
    sortKey: { name: 'record', type: AttributeType.STRING },
    // Of what `watch` keeps beside the configs; a config has no such attribute, and stays.
    timeToLiveAttribute: 'expiresAt',
    billing: Billing.onDemand(),
    encryption: TableEncryptionV2.customerManagedKey(key, replicaKeyArns),
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    deletionProtection,
    removalPolicy: OUTLIVES,
    replicas: Object.keys(replicaKeyArns).map((region) => ({ region })),
  })
}
