# terraform-aws-modules/autoscaling 6 to 9: one group, what it is launched from, attached to and scheduled by.
variable "create" { default = true }
variable "name" {}
variable "use_name_prefix" { default = true }
variable "min_size" { default = null }
variable "max_size" { default = null }
variable "desired_capacity" { default = null }
variable "ignore_desired_capacity_changes" { default = false }
variable "capacity_rebalance" { default = null }
variable "max_instance_lifetime" { default = null }
variable "health_check_type" { default = null }
variable "initial_lifecycle_hooks" { default = [] }
variable "use_mixed_instances_policy" { default = false }
variable "mixed_instances_policy" { default = null }
variable "instance_market_options" { default = null }
variable "create_launch_template" { default = true }
variable "launch_template_id" { default = null }
variable "image_id" { default = null }
variable "user_data" { default = null }
variable "security_groups" { default = [] }
variable "tags" { default = {} }
variable "autoscaling_group_tags" { default = {} }
variable "target_group_arns" { default = [] }
variable "load_balancers" { default = [] }
variable "create_traffic_source_attachment" { default = false }
variable "traffic_source_identifier" { default = "" }
variable "traffic_source_attachments" { default = {} }
variable "schedules" { default = {} }

locals {
  template = var.create_launch_template ? aws_launch_template.this[0].id : var.launch_template_id
  sources  = try(coalesce(var.traffic_source_attachments), {})
}

resource "aws_launch_template" "this" {
  count = var.create && var.create_launch_template ? 1 : 0

  name_prefix = "${var.name}-"
  image_id    = var.image_id
  user_data   = var.user_data

  vpc_security_group_ids = var.security_groups

  dynamic "instance_market_options" {
    for_each = try([coalesce(var.instance_market_options)], [])
    content {
      market_type = try(instance_market_options.value.market_type, null)
    }
  }
}

resource "aws_autoscaling_group" "this" {
  count = var.create ? 1 : 0

  name                  = var.use_name_prefix ? null : var.name
  name_prefix           = var.use_name_prefix ? "${var.name}-" : null
  min_size              = var.min_size
  max_size              = var.max_size
  desired_capacity      = var.desired_capacity
  capacity_rebalance    = var.capacity_rebalance
  max_instance_lifetime = var.max_instance_lifetime
  health_check_type     = var.health_check_type
  target_group_arns     = var.target_group_arns
  load_balancers        = var.load_balancers

  dynamic "launch_template" {
    for_each = var.use_mixed_instances_policy ? [] : [local.template]
    content {
      id = launch_template.value
    }
  }
  dynamic "mixed_instances_policy" {
    for_each = var.use_mixed_instances_policy ? [var.mixed_instances_policy] : []
    content {
      dynamic "instances_distribution" {
        for_each = try([coalesce(mixed_instances_policy.value.instances_distribution)], [])
        content {
          on_demand_base_capacity                  = try(instances_distribution.value.on_demand_base_capacity, null)
          on_demand_percentage_above_base_capacity = try(instances_distribution.value.on_demand_percentage_above_base_capacity, null)
        }
      }
      launch_template {
        launch_template_specification {
          launch_template_id = local.template
        }
      }
    }
  }
  dynamic "initial_lifecycle_hook" {
    for_each = try(coalesce(var.initial_lifecycle_hooks), [])
    content {
      name                    = try(initial_lifecycle_hook.value.name, null)
      lifecycle_transition    = try(initial_lifecycle_hook.value.lifecycle_transition, null)
      heartbeat_timeout       = try(initial_lifecycle_hook.value.heartbeat_timeout, null)
      default_result          = try(initial_lifecycle_hook.value.default_result, null)
      notification_target_arn = try(initial_lifecycle_hook.value.notification_target_arn, null)
    }
  }
  dynamic "tag" {
    for_each = merge(var.tags, var.autoscaling_group_tags)
    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }
}

resource "aws_autoscaling_traffic_source_attachment" "this" {
  for_each = var.create ? merge(local.sources, var.create_traffic_source_attachment ? { own = { traffic_source_identifier = var.traffic_source_identifier } } : {}) : {}

  autoscaling_group_name = aws_autoscaling_group.this[0].name
  traffic_source {
    identifier = each.value.traffic_source_identifier
    type       = try(each.value.traffic_source_type, "elbv2")
  }
}

resource "aws_autoscaling_schedule" "this" {
  for_each = var.create ? try(coalesce(var.schedules), {}) : {}

  autoscaling_group_name = aws_autoscaling_group.this[0].name
  min_size               = try(each.value.min_size, null)
  max_size               = try(each.value.max_size, null)
  desired_capacity       = try(each.value.desired_capacity, null)
}

output "autoscaling_group_id" { value = try(aws_autoscaling_group.this[0].id, null) }
output "autoscaling_group_name" { value = try(aws_autoscaling_group.this[0].name, null) }
output "autoscaling_group_arn" { value = try(aws_autoscaling_group.this[0].arn, null) }
output "launch_template_id" { value = try(aws_launch_template.this[0].id, null) }
output "launch_template_name" { value = try(aws_launch_template.this[0].name, null) }
