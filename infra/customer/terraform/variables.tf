# Version 3 of the role. Made by `npm run generate` from its one description. Do not edit.

variable "user_pool_arn" {
  description = "ARN of the Cognito user pool, in its primary region"
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:cognito-idp:[a-z0-9-]+:[0-9]{12}:userpool/[\\w-]+_[0-9a-zA-Z]+$", var.user_pool_arn))
    error_message = "This is not the ARN of a Cognito user pool."
  }
}

variable "external_id" {
  description = "As Corbado gave it to you; do not choose it"
  type        = string

  validation {
    condition     = length(var.external_id) >= 2 && length(var.external_id) <= 1224 && can(regex("^[\\w+=,.@:/-]+$", var.external_id))
    error_message = "This is not an ExternalId."
  }
}

variable "gateway_role_arn" {
  description = "Role of the Corbado gateway"
  type        = string

  validation {
    condition     = can(regex("^arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/.+$", var.gateway_role_arn))
    error_message = "This is not the ARN of an IAM role."
  }
}

variable "doctor_role_arn" {
  description = "Role under which Corbado checks the set-up"
  type        = string

  validation {
    condition     = can(regex("^arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/.+$", var.doctor_role_arn))
    error_message = "This is not the ARN of an IAM role."
  }
}

variable "post_append" {
  description = "May the gateway set the MFA factor of users who have added a passkey?"
  type        = bool
}

variable "post_login" {
  description = "May the gateway sign users in who have shown a passkey, and hand Corbado their tokens?"
  type        = bool
}

variable "claim" {
  description = "May the gateway read an app client whose tokens say that a passkey was used?"
  type        = bool
}

variable "checks" {
  description = "May Corbado read the settings of the pool and its app clients, to check the set-up?"
  type        = bool
}

variable "chained_functions" {
  description = "ARNs of your own Lambda functions that answer triggers of the pool"
  type        = list(string)
  default     = []
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds the role, if your account asks for one"
  type        = string
  default     = null
}
