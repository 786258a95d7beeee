import { isUserPoolId, PARTITION_PATTERN, partitionOf, REGION_PATTERN, type UserPoolId } from '../../ids.js'
import type { TenantFile } from '../../tenant/config.js'

/** What an exact ARN of a user pool says. */
interface PoolOfArn {
  readonly region: string
  readonly accountId: string
  readonly userPoolId: UserPoolId
}

/** The region that the ARN of a resource names; empty if it names none. */
export function regionOf(arn: string): string {
  return arn.split(':')[3] ?? ''
}

const arnForm = new RegExp(
  `^arn:${PARTITION_PATTERN}:cognito-idp:(?<region>${REGION_PATTERN}):(?<accountId>\\d{12}):userpool/(?<userPoolId>[^/]+)$`,
)

/** Reads the ARN of one user pool; undefined for anything else, a pattern with `*` above all. */
export function poolOfArn(arn: string): PoolOfArn | undefined {
  const { region = '', accountId = '', userPoolId } = arnForm.exec(arn)?.groups ?? {}
  return isUserPoolId(userPoolId) ? { region, accountId, userPoolId } : undefined
}

/** A pool as configs name it. */
export interface OwnedPool {
  readonly userPoolId: string
  readonly aws: Pick<TenantFile['aws'], 'accountId' | 'region' | 'replicaRegions'>
}

/**
 * The ARN under which a tenant's pool calls in a region: its own, or that of its replica there (fact A13: the same
 * id, another region). Undefined if the tenant has neither.
 */
export function poolArnIn(region: string, { userPoolId, aws }: OwnedPool): string | undefined {
  if (aws.region !== region && !aws.replicaRegions?.includes(region)) return undefined
  return `arn:${partitionOf(region)}:cognito-idp:${region}:${aws.accountId}:userpool/${userPoolId}`
}
