# terraform-aws-modules/ecs 6 and 7: a cluster, which is not modelled, and its services.
variable "create" { default = true }
variable "cluster_name" { default = "" }
variable "cluster_setting" { default = [] }
variable "cluster_capacity_providers" { default = [] }
variable "default_capacity_provider_strategy" { default = {} }
variable "autoscaling_capacity_providers" { default = {} }
variable "capacity_providers" { default = null }
variable "services" { default = {} }

module "service" {
  source   = "terraform-aws-modules/ecs/aws//modules/service"
  version  = "6.0"
  for_each = var.create ? try(coalesce(var.services), {}) : {}

  name                           = try(coalesce(each.value.name), each.key)
  create                         = try(coalesce(each.value.create), true)
  create_service                 = try(coalesce(each.value.create_service), true)
  launch_type                    = try(coalesce(each.value.launch_type), "FARGATE")
  capacity_provider_strategy     = try(each.value.capacity_provider_strategy, null)
  deployment_controller          = try(each.value.deployment_controller, null)
  load_balancer                  = try(each.value.load_balancer, null)
  network_mode                   = try(coalesce(each.value.network_mode), "awsvpc")
  requires_compatibilities       = try(coalesce(each.value.requires_compatibilities), ["FARGATE"])
  service_connect_configuration  = try(each.value.service_connect_configuration, null)
  create_task_definition         = try(coalesce(each.value.create_task_definition), true)
  task_definition_arn            = try(each.value.task_definition_arn, null)
  family                         = try(each.value.family, null)
  container_definitions          = try(coalesce(each.value.container_definitions), {})
  deployment_configuration       = try(each.value.deployment_configuration, null)
}

output "services" { value = module.service }
