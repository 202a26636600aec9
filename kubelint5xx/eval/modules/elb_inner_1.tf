# terraform-aws-modules/elb 1 to 4, its submodule elb: a classic load balancer. It cuts requests when an instance leaves,
# unless connection_draining is on. Version 1 has a list around the health check.
variable "create_elb" { default = true }
variable "name" { default = null }
variable "name_prefix" { default = null }
variable "security_groups" { default = [] }
variable "cross_zone_load_balancing" { default = true }
variable "idle_timeout" { default = 60 }
variable "connection_draining" { default = false }
variable "connection_draining_timeout" { default = 300 }
variable "listener" { default = [] }
variable "health_check" { default = {} }

resource "aws_elb" "this" {
  count = var.create_elb ? 1 : 0

  name                        = var.name
  name_prefix                 = var.name_prefix
  security_groups             = var.security_groups
  cross_zone_load_balancing   = var.cross_zone_load_balancing
  idle_timeout                = var.idle_timeout
  connection_draining         = var.connection_draining
  connection_draining_timeout = var.connection_draining_timeout

  dynamic "listener" {
    for_each = var.listener
    content {
      instance_port     = listener.value.instance_port
      instance_protocol = listener.value.instance_protocol
      lb_port           = listener.value.lb_port
      lb_protocol       = listener.value.lb_protocol
    }
  }
  dynamic "health_check" {
    for_each = flatten([var.health_check])
    content {
      healthy_threshold   = try(health_check.value.healthy_threshold, null)
      unhealthy_threshold = try(health_check.value.unhealthy_threshold, null)
      target              = try(health_check.value.target, null)
      interval            = try(health_check.value.interval, null)
      timeout             = try(health_check.value.timeout, null)
    }
  }
}

output "elb_id" { value = try(aws_elb.this[0].id, null) }
output "elb_arn" { value = try(aws_elb.this[0].arn, null) }
output "elb_name" { value = try(aws_elb.this[0].name, null) }
output "this_elb_id" { value = try(aws_elb.this[0].id, null) }
output "this_elb_arn" { value = try(aws_elb.this[0].arn, null) }
output "this_elb_name" { value = try(aws_elb.this[0].name, null) }
