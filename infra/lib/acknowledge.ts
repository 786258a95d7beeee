import { Validations } from 'aws-cdk-lib'
import type { IConstruct } from 'constructs'

/**
 * Says why single findings of cdk-nag are meant, on the one construct that has them.
 * @param findings rule, with the finding in brackets where the rule has several, by the reason
 */
export function acknowledge(construct: IConstruct, findings: Readonly<Record<string, string>>): void {
  for (const [id, reason] of Object.entries(findings)) Validations.of(construct).acknowledge({ id, reason })
}

/** The finding of a wildcard in a statement's Resource. */
export const wildcardResource = (resource: string) => `AwsSolutions-IAM5[Resource::${resource}]`
