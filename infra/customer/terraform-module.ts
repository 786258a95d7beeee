import { customerRoleOf, FEATURE_NAMES, FEATURES, type Feature } from '../../src/operator/role/role.js'
import { HEADER, SWITCHES, terraformVariables } from './terraform-variables.js'

const local = (name: string) => `\${local.${name}}`
/** Stands for the list of functions until the whole text is there. */
const CHAINED = 'CHAINED_FUNCTIONS'
const variable = (name: string) => `\${var.${name}}`

/** The role with Terraform's references in the place of one customer's words. */
function described() {
  return customerRoleOf({
    partition: local('partition'),
    accountId: local('account_id'),
    region: local('region'),
    userPoolId: local('user_pool_id'),
    externalId: variable('external_id'),
    gatewayAccountId: local('gateway_account_id'),
    gatewayRoleArn: variable('gateway_role_arn'),
    doctorRoleArn: variable('doctor_role_arn'),
    features: FEATURE_NAMES,
    functionArns: CHAINED,
  })
}

/** The Terraform module of the customer's role, by file name. */
export function terraformModule(): Record<string, string> {
  return { 'main.tf': main(), 'variables.tf': terraformVariables(), 'outputs.tf': OUTPUTS }
}

function main(): string {
  const { path, name, trust, permissions } = described()
  const switched = Object.entries(SWITCHES).map(
    ([feature, by]) => `    var.${by} ? ["${FEATURES[feature as Feature].sid}"] : [],\n`,
  )
  return `${HEADER}
terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

locals {
  # arn:<partition>:cognito-idp:<region>:<account>:userpool/<id>
  pool               = split(":", var.user_pool_arn)
  partition          = local.pool[1]
  region             = local.pool[3]
  account_id         = local.pool[4]
  user_pool_id       = trimprefix(local.pool[5], "userpool/")
  gateway_account_id = split(":", var.gateway_role_arn)[4]

  granted = concat(
    ["${FEATURES['pre-login'].sid}"],
${switched.join('')}    length(var.chained_functions) > 0 ? ["Chain"] : [],
  )

  trust = ${json(trust)}

  statements = ${json(permissions.Statement)}

  permissions = {
    Version   = "${permissions.Version}"
    Statement = [for statement in local.statements : statement if contains(local.granted, statement.Sid)]
  }
}

data "aws_caller_identity" "current" {}

resource "aws_iam_role" "gateway" {
  name        = "${name}"
  path        = "${path}"
  description = "Corbado passkey gateway"

  permissions_boundary = var.permissions_boundary
  assume_role_policy   = jsonencode(local.trust)

  lifecycle {
    precondition {
      condition     = data.aws_caller_identity.current.account_id == local.account_id
      error_message = "The user pool is not of this account."
    }
  }
}

resource "aws_iam_role_policy" "gateway" {
  name = "corbado"
  role = aws_iam_role.gateway.id

  policy = jsonencode(local.permissions)
}
`
}

/** JSON is HCL too; laid out as \`terraform fmt\` leaves it. */
function json(value: unknown): string {
  return JSON.stringify(value, undefined, 2)
    .replaceAll('": ', '" : ')
    .replaceAll('\n', '\n  ')
    .replace(`"${CHAINED}"`, 'var.chained_functions')
}

const OUTPUTS = `${HEADER}
output "role_arn" {
  description = "ARN of the role"
  value       = aws_iam_role.gateway.arn
}
`
