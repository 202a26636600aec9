# terraform-aws-modules/elb 1 to 4: a classic load balancer. Its outputs lost the prefix this_ in version 3.
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

module "elb" {
  source = "terraform-aws-modules/elb/aws//modules/elb"

  create_elb                  = var.create_elb
  name                        = var.name
  name_prefix                 = var.name_prefix
  security_groups             = var.security_groups
  cross_zone_load_balancing   = var.cross_zone_load_balancing
  idle_timeout                = var.idle_timeout
  connection_draining         = var.connection_draining
  connection_draining_timeout = var.connection_draining_timeout
  listener                    = var.listener
  health_check                = var.health_check
}

output "elb_id" { value = module.elb.elb_id }
output "elb_arn" { value = module.elb.elb_arn }
output "elb_name" { value = module.elb.elb_name }
output "this_elb_id" { value = module.elb.elb_id }
output "this_elb_arn" { value = module.elb.elb_arn }
output "this_elb_name" { value = module.elb.elb_name }
