# Made by `npm run generate` from the one description of the role. Do not edit.

output "role_arn" {
  description = "ARN of the role"
  value       = aws_iam_role.gateway.arn
}
