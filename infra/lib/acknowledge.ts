import { Validations } from 'aws-cdk-lib'
import type { IConstruct } from 'constructs'

/**
 * Says why single findings of cdk-nag are as intended, on the one construct that has them.
 * @param findings the reason by rule, with the finding in brackets if the rule has several
 */
export function acknowledge(construct: IConstruct, findings: Readonly<Record<string, string>>): void {
  for (const [id, reason] of Object.entries(findings)) Validations.of(construct).acknowledge({ id, reason })
}

/** The finding of a wildcard in a statement's Resource. */
export const wildcardResource = (resource: string) => `AwsSolutions-IAM5[Resource::${resource}]`
