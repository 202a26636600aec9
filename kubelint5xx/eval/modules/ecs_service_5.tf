# terraform-aws-modules/ecs 5, its submodule service: a service with its task definition, on Fargate unless the call
# says otherwise. What containers leave out comes from container_definition_defaults. A service
# that ignores changes of its task definition has another name in the module, and is otherwise the same.
variable "create" { default = true }
variable "create_service" { default = true }
variable "name" { default = null }
variable "launch_type" { default = "FARGATE" }
variable "capacity_provider_strategy" { default = null }
variable "deployment_controller" { default = null }
variable "load_balancer" { default = null }
variable "network_mode" { default = "awsvpc" }
variable "requires_compatibilities" { default = ["FARGATE"] }
variable "service_connect_configuration" { default = null }
variable "create_task_definition" { default = true }
variable "task_definition_arn" { default = null }
variable "family" { default = null }
variable "container_definitions" { default = {} }
variable "container_definition_defaults" { default = {} }
variable "security_group_rules" { default = {} }

locals {
  external    = try(var.deployment_controller.type, null) == "EXTERNAL"
  makes_tasks = var.create && var.create_task_definition
  launch_type = local.external || try(length(var.capacity_provider_strategy), 0) > 0 ? null : var.launch_type
  definition  = local.makes_tasks ? aws_ecs_task_definition.this[0].arn : var.task_definition_arn
}

resource "aws_ecs_service" "this" {
  count = var.create && var.create_service ? 1 : 0

  name            = var.name
  launch_type     = local.launch_type
  task_definition = local.definition

  dynamic "deployment_controller" {
    for_each = try([coalesce(var.deployment_controller)], [])
    content {
      type = try(deployment_controller.value.type, null)
    }
  }
  dynamic "load_balancer" {
    for_each = local.external ? {} : try(coalesce(var.load_balancer), {})
    content {
      container_name   = load_balancer.value.container_name
      container_port   = load_balancer.value.container_port
      elb_name         = try(load_balancer.value.elb_name, null)
      target_group_arn = try(load_balancer.value.target_group_arn, null)

    }
  }
  dynamic "service_connect_configuration" {
    for_each = try([coalesce(var.service_connect_configuration)], [])
    content {
      enabled = try(coalesce(service_connect_configuration.value.enabled), true)
      dynamic "service" {
        for_each = try([coalesce(service_connect_configuration.value.service)], [])
        content {
          port_name             = service.value.port_name
          ingress_port_override = try(service.value.ingress_port_override, null)

        }
      }
    }
  }
}

module "container_definition" {
  source   = "terraform-aws-modules/ecs/aws//modules/container-definition"
  version  = "5.12"
  for_each = local.makes_tasks ? { for key, it in var.container_definitions : key => it if try(it.create, true) } : {}

  name              = try(each.value.name, each.key)
  image             = try(each.value.image, var.container_definition_defaults.image, null)
  command           = try(each.value.command, var.container_definition_defaults.command, [])
  entrypoint        = try(each.value.entrypoint, var.container_definition_defaults.entrypoint, [])
  environment       = try(each.value.environment, var.container_definition_defaults.environment, [])
  environment_files = try(each.value.environment_files, var.container_definition_defaults.environment_files, [])
  secrets           = try(each.value.secrets, var.container_definition_defaults.secrets, [])
  essential         = try(each.value.essential, var.container_definition_defaults.essential, null)
  port_mappings     = try(each.value.port_mappings, var.container_definition_defaults.port_mappings, [])
  linux_parameters  = try(each.value.linux_parameters, var.container_definition_defaults.linux_parameters, {})
  stop_timeout      = try(each.value.stop_timeout, var.container_definition_defaults.stop_timeout, 120)
}

resource "aws_ecs_task_definition" "this" {
  count = local.makes_tasks ? 1 : 0

  family                   = try(coalesce(var.family), var.name)
  network_mode             = var.network_mode
  requires_compatibilities = var.requires_compatibilities
  container_definitions    = jsonencode([for container in module.container_definition : container.container_definition])
}

output "id" { value = try(aws_ecs_service.this[0].id, null) }
output "name" { value = try(aws_ecs_service.this[0].name, null) }
output "container_definitions" { value = module.container_definition }
output "task_definition_arn" { value = try(aws_ecs_task_definition.this[0].arn, null) }
output "task_definition_family" { value = try(aws_ecs_task_definition.this[0].family, null) }
