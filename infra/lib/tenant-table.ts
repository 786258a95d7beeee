import { RemovalPolicy } from 'aws-cdk-lib'
import { AttributeType, Billing, TableEncryptionV2, TableV2 } from 'aws-cdk-lib/aws-dynamodb'
import { type IKey, Key } from 'aws-cdk-lib/aws-kms'
import type { Construct } from 'constructs'
import { NAMES } from './names.js'

/** A key of ours that rotates every year and outlives its stack: without it what it encrypted is lost. */
export function createKey(scope: Construct, id: string, alias: string, description: string): Key {
  return new Key(scope, id, { alias, description, enableKeyRotation: true, removalPolicy: RemovalPolicy.RETAIN })
}

/**
 * The table of tenant configs. Reads are few and in bursts, so it is paid by request.
 * @param replicaKeyArns key of each further region that has a replica, made there by its own stack
 */
export function createTenantTable(
  scope: Construct,
  key: IKey,
  replicaKeyArns: Readonly<Record<string, string>> = {},
): TableV2 {
  return new TableV2(scope, 'Tenants', {
    tableName: NAMES.table,
    partitionKey: { name: 'userPoolId', type: AttributeType.STRING },
    sortKey: { name: 'record', type: AttributeType.STRING },
    billing: Billing.onDemand(),
    encryption: TableEncryptionV2.customerManagedKey(key, replicaKeyArns),
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    deletionProtection: true,
    removalPolicy: RemovalPolicy.RETAIN,
    replicas: Object.keys(replicaKeyArns).map((region) => ({ region })),
  })
}
