# terraform-aws-modules/security-group: one group, whatever its version. Its rules have names of their own (https-443-tcp
# for example), which are not read here: it is not known who may come in.
variable "create" { default = true }
variable "create_sg" { default = true }
variable "security_group_id" { default = "" }

resource "aws_security_group" "this" {
  count = var.create && var.create_sg ? 1 : 0

  lifecycle {
    ignore_changes = [ingress]
  }
}

output "security_group_id" { value = try(aws_security_group.this[0].id, var.security_group_id) }
output "security_group_arn" { value = try(aws_security_group.this[0].arn, null) }
output "this_security_group_id" { value = try(aws_security_group.this[0].id, var.security_group_id) }
