import t from 'tap'
import { parseEnv } from '../../src/env.js'
import { PARTITIONS } from '../../src/ids.js'
import { poolOfArn } from '../../src/operator/pool/arn.js'
import { readOperatorSettings } from '../../src/operator/settings.js'
import { cli } from '../commands/fixtures/cli.js'

/** A region of every partition, and the domain of its services. */
const places = {
  aws: ['eu-central-1', 'amazonaws.com'],
  'aws-cn': ['cn-north-1', 'amazonaws.com.cn'],
  'aws-us-gov': ['us-gov-west-1', 'amazonaws.com'],
  'aws-eusc': ['eusc-de-east-1', 'amazonaws.eu'],
  'aws-iso': ['us-iso-east-1', 'c2s.ic.gov'],
  'aws-iso-b': ['us-isob-east-1', 'sc2s.sgov.gov'],
  'aws-iso-e': ['eu-isoe-west-1', 'cloud.adc-e.uk'],
  'aws-iso-f': ['us-isof-south-1', 'csp.hci.ic.gov'],
} as const

t.test('ARNs, regions and addresses of every partition are accepted in every setting and flag', async (t) => {
  t.strictSame(Object.keys(places), PARTITIONS)
  for (const [partition, [region, domain]] of Object.entries(places)) {
    const arn = `arn:${partition}:lambda:${region}:999900000001:function:gateway`
    const role = `arn:${partition}:iam::999900000001:role/path/gateway`
    const env = {
      GATEWAY_FUNCTION_ARN: arn,
      GATEWAY_ROLE_ARN: role,
      DOCTOR_ROLE_ARN: role,
      CUSTOMER_TEMPLATE_URL: `https://templates.s3.${region}.${domain}/role.template.json`,
      PARAMETER_KEY_ID: `arn:${partition}:kms:${region}:999900000001:key/11111111-2222-3333-4444-555555555555`,
    }
    t.match(readOperatorSettings(env), { gatewayFunctionArn: arn, customerTemplateUrl: /^https/ }, partition)
    const service = parseEnv({ ...env, AWS_REGION: region, TENANT_TABLE: 'tenants' })
    t.match(service, { gatewayFunctionArn: arn, awsRegion: region })
    const poolArn = `arn:${partition}:cognito-idp:${region}:111122223333:userpool/${region}_Acme00001`
    t.match(poolOfArn(poolArn), { region, accountId: '111122223333', userPoolId: `${region}_Acme00001` })
    const plan = ['wire', 'plan', `${region}_Acme00001`, '--arn', `${arn}:t-1`, '--also', 'none']
    // It is the last option that is refused, and no ARN.
    t.match(await cli(plan), { code: 2, stderr: /option '--also <slot>' argument 'none' is invalid/ })
  }
})

t.test('what is no ARN of AWS, or an address outside S3, is refused', async (t) => {
  const wrong: [name: string, value: string][] = [
    ['GATEWAY_FUNCTION_ARN', 'arn:gcp:lambda:eu-central-1:999900000001:function:gateway'],
    ['GATEWAY_FUNCTION_ARN', 'arn:aws:lambda:nowhere:999900000001:function:gateway'],
    ['GATEWAY_FUNCTION_ARN', 'arn:aws:lambda:eu-central-1:999900000001:function:gateway:t-1'],
    ['GATEWAY_ROLE_ARN', 'arn:awsome:iam::999900000001:role/x'],
    ['CUSTOMER_TEMPLATE_URL', 'https://templates.s3.eu-central-1.amazonaws.com.evil.example/role.json'],
    ['CUSTOMER_TEMPLATE_URL', 'https://templates.s3.eu-central-1.amazonawsxcom/role.json'],
    ['PARAMETER_KEY_ID', 'arn:aws:kms:nowhere:999900000001:key/x'],
  ]
  for (const [name, value] of wrong) {
    t.throws(() => readOperatorSettings({ [name]: value }), { code: 'GW_ERR_ENV_INVALID', message: name }, value)
  }
})
