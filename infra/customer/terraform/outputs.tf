# Version 3 of the role. Made by `npm run generate` from its one description. Do not edit.

output "role_arn" {
  description = "ARN of the role"
  value       = aws_iam_role.gateway.arn
}
