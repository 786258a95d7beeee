import { AnyPrincipal, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3'
import type { Construct } from 'constructs'
import { acknowledge } from '../acknowledge.js'
import { NAMES, OUTLIVES } from '../names.js'

/** The object that customers' CloudFormation reads: infra/customer/role.template.json as it was uploaded last. */
const OBJECT = 'role.template.json'
/** The same as a Terraform module, beside it: infra/customer/terraform. */
const MODULE = 'terraform/*'

/**
 * The bucket behind the quick-create link, whose console reads the template with the customer's own credentials.
 * @returns what CUSTOMER_TEMPLATE_URL is to be
 */
export function createTemplateBucket(scope: Construct, account: string): string {
  const bucket = new Bucket(scope, 'Templates', {
    bucketName: `${NAMES.templates}-${account}`,
    encryption: BucketEncryption.S3_MANAGED,
    enforceSSL: true,
    versioned: true,
    removalPolicy: OUTLIVES,
    blockPublicAccess: new BlockPublicAccess({
      blockPublicAcls: true,
      ignorePublicAcls: true,
      blockPublicPolicy: false,
      restrictPublicBuckets: false,
    }),
  })
  bucket.addToResourcePolicy(
    new PolicyStatement({
      sid: 'ReadTemplate',
      principals: [new AnyPrincipal()],
      actions: ['s3:GetObject'],
      resources: [bucket.arnForObjects(OBJECT), bucket.arnForObjects(MODULE)],
    }),
  )
  acknowledge(bucket, {
    'AwsSolutions-S1': 'Public files without secrets; nothing would be learnt from who reads them.',
    'AwsSolutions-S2':
      'Every customer reads the template, in an account that we do not know yet. The policy opens it and the module.',
  })
  return bucket.virtualHostedUrlForObject(OBJECT)
}
