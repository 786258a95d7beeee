# Version 3 of the role. Made by `npm run generate` from its one description. Do not edit.

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
    ["PreLogin"],
    var.post_append ? ["PostAppend"] : [],
    var.post_login ? ["PostLogin"] : [],
    var.claim ? ["Claim"] : [],
    var.checks ? ["Checks"] : [],
    length(var.chained_functions) > 0 ? ["Chain"] : [],
  )

  trust = {
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Effect" : "Allow",
        "Principal" : {
          "AWS" : "arn:${local.partition}:iam::${local.gateway_account_id}:root"
        },
        "Action" : "sts:AssumeRole",
        "Condition" : {
          "StringEquals" : {
            "sts:ExternalId" : "${var.external_id}"
          },
          "ArnEquals" : {
            "aws:PrincipalArn" : [
              "${var.gateway_role_arn}",
              "${var.doctor_role_arn}"
            ]
          }
        }
      }
    ]
  }

  statements = [
    {
      "Sid" : "PreLogin",
      "Effect" : "Allow",
      "Action" : [
        "cognito-idp:AdminGetUser",
        "cognito-idp:ListUsers"
      ],
      "Resource" : "arn:${local.partition}:cognito-idp:${local.region}:${local.account_id}:userpool/${local.user_pool_id}"
    },
    {
      "Sid" : "PostAppend",
      "Effect" : "Allow",
      "Action" : [
        "cognito-idp:AdminGetUser",
        "cognito-idp:AdminSetUserMFAPreference"
      ],
      "Resource" : "arn:${local.partition}:cognito-idp:${local.region}:${local.account_id}:userpool/${local.user_pool_id}"
    },
    {
      "Sid" : "PostLogin",
      "Effect" : "Allow",
      "Action" : [
        "cognito-idp:AdminInitiateAuth",
        "cognito-idp:AdminRespondToAuthChallenge"
      ],
      "Resource" : "arn:${local.partition}:cognito-idp:${local.region}:${local.account_id}:userpool/${local.user_pool_id}"
    },
    {
      "Sid" : "Claim",
      "Effect" : "Allow",
      "Action" : [
        "cognito-idp:DescribeUserPoolClient"
      ],
      "Resource" : "arn:${local.partition}:cognito-idp:${local.region}:${local.account_id}:userpool/${local.user_pool_id}"
    },
    {
      "Sid" : "Checks",
      "Effect" : "Allow",
      "Action" : [
        "cognito-idp:DescribeUserPool",
        "cognito-idp:DescribeUserPoolClient",
        "cognito-idp:ListUserPoolClients",
        "cognito-idp:GetUserPoolMfaConfig"
      ],
      "Resource" : "arn:${local.partition}:cognito-idp:${local.region}:${local.account_id}:userpool/${local.user_pool_id}"
    },
    {
      "Sid" : "Chain",
      "Effect" : "Allow",
      "Action" : "lambda:InvokeFunction",
      "Resource" : var.chained_functions
    }
  ]

  permissions = {
    Version   = "2012-10-17"
    Statement = [for statement in local.statements : statement if contains(local.granted, statement.Sid)]
  }
}

data "aws_caller_identity" "current" {}

resource "aws_iam_role" "gateway" {
  name        = "corbado-${local.user_pool_id}"
  path        = "/corbado/"
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
