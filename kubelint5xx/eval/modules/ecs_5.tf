# terraform-aws-modules/ecs 5: a cluster, which is not modelled, and its services.
variable "create" { default = true }
variable "cluster_name" { default = "" }
variable "cluster_settings" { default = [] }
variable "fargate_capacity_providers" { default = {} }
variable "default_capacity_provider_use_fargate" { default = true }
variable "autoscaling_capacity_providers" { default = {} }
variable "services" { default = {} }

module "service" {
  source   = "terraform-aws-modules/ecs/aws//modules/service"
  version  = "5.12"
  for_each = var.create ? try(coalesce(var.services), {}) : {}

  name                           = try(coalesce(each.value.name), each.key)
  create                         = try(each.value.create, true)
  create_service                 = try(each.value.create_service, true)
  launch_type                    = try(each.value.launch_type, "FARGATE")
  capacity_provider_strategy     = try(each.value.capacity_provider_strategy, null)
  deployment_controller          = try(each.value.deployment_controller, null)
  load_balancer                  = try(each.value.load_balancer, null)
  network_mode                   = try(each.value.network_mode, "awsvpc")
  requires_compatibilities       = try(each.value.requires_compatibilities, ["FARGATE"])
  service_connect_configuration  = try(each.value.service_connect_configuration, null)
  create_task_definition         = try(each.value.create_task_definition, true)
  task_definition_arn            = try(each.value.task_definition_arn, null)
  family                         = try(each.value.family, null)
  container_definitions          = try(each.value.container_definitions, {})
  container_definition_defaults  = try(each.value.container_definition_defaults, {})
}

output "services" { value = module.service }
