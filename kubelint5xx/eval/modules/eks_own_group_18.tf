# terraform-aws-modules/eks 18 to 21, its submodule self-managed-node-group: one autoscaling group of nodes, with what
# it is launched from. It has at least 0 nodes before version 21 and 1 from there on, when its image became Amazon
# Linux 2023, whose nodes take no arguments of the boot script. Version 20.24 took target_group_arns away.
variable "major" {}
variable "create" { default = true }
variable "create_autoscaling_group" { default = true }
variable "cluster_name" { default = "" }
variable "name" { default = "" }
variable "use_name_prefix" { default = true }
variable "min_size" { default = null }
variable "max_size" { default = null }
variable "desired_size" { default = null }
variable "capacity_rebalance" { default = null }
variable "max_instance_lifetime" { default = null }
variable "initial_lifecycle_hooks" { default = null }
variable "use_mixed_instances_policy" { default = false }
variable "mixed_instances_policy" { default = null }
variable "target_group_arns" { default = [] }
variable "traffic_source_attachments" { default = {} }
variable "schedules" { default = {} }
variable "create_schedule" { default = true }
variable "create_launch_template" { default = true }
variable "launch_template_id" { default = "" }
variable "instance_market_options" { default = null }
variable "platform" { default = "linux" }
variable "ami_id" { default = "" }
variable "ami_type" { default = null }
variable "kubernetes_version" { default = null }
variable "cluster_version" { default = null }
variable "vpc_security_group_ids" { default = [] }
variable "cluster_primary_security_group_id" { default = null }
variable "pre_bootstrap_user_data" { default = null }
variable "post_bootstrap_user_data" { default = null }
variable "bootstrap_extra_args" { default = null }
variable "cloudinit_pre_nodeadm" { default = null }
variable "cloudinit_post_nodeadm" { default = null }
variable "user_data_template_path" { default = null }
variable "tags" { default = {} }
variable "autoscaling_group_tags" { default = {} }

locals {
  family       = try(coalesce(var.ami_type), var.major < 21 ? (var.platform == "bottlerocket" ? "BOTTLEROCKET_x86_64" : "AL2_x86_64") : "AL2023_x86_64_STANDARD")
  bottlerocket = var.platform == "bottlerocket" || startswith(local.family, "BOTTLEROCKET")
  nodeadm      = startswith(local.family, "AL2023")
  template     = var.create_launch_template ? try(aws_launch_template.this[0].id, null) : var.launch_template_id
  parts        = [for part in concat(try(coalesce(var.cloudinit_pre_nodeadm), []), try(coalesce(var.cloudinit_post_nodeadm), [])) : part.content]
  shell = [
    "#!/bin/bash",
    try(coalesce(var.pre_bootstrap_user_data), ""),
    "/etc/eks/bootstrap.sh ${try(coalesce(var.bootstrap_extra_args), "")}",
    try(coalesce(var.post_bootstrap_user_data), ""),
  ]
  given = length(compact([var.pre_bootstrap_user_data, var.post_bootstrap_user_data, var.bootstrap_extra_args])) + length(local.parts) > 0
  said  = !local.given ? ["/etc/eks/bootstrap.sh"] : local.bottlerocket ? ["[settings.kubernetes]", try(coalesce(var.bootstrap_extra_args), "")] : local.nodeadm ? concat(["apiVersion: node.eks.aws/v1alpha1"], local.parts) : concat(local.shell, local.parts)
}

data "aws_ssm_parameter" "ami" {
  count = var.create && !can(coalesce(var.ami_id)) ? 1 : 0

  name = local.bottlerocket ? "/aws/service/bottlerocket/aws-k8s/latest/image_id" : "/aws/service/eks/optimized-ami/${local.nodeadm ? "amazon-linux-2023" : "amazon-linux-2"}/recommended/image_id"
}

resource "aws_launch_template" "this" {
  count = var.create && var.create_launch_template ? 1 : 0

  image_id               = can(coalesce(var.ami_id)) ? var.ami_id : try(data.aws_ssm_parameter.ami[0].value, null)
  user_data              = can(coalesce(var.user_data_template_path)) ? templatefile(var.user_data_template_path, {}) : join("\n", local.said)
  vpc_security_group_ids = compact(concat([var.cluster_primary_security_group_id], var.vpc_security_group_ids))

  dynamic "instance_market_options" {
    for_each = try([coalesce(var.instance_market_options)], [])
    content {
      market_type = try(instance_market_options.value.market_type, null)
    }
  }
}

resource "aws_autoscaling_group" "this" {
  count = var.create && var.create_autoscaling_group ? 1 : 0

  name                  = var.use_name_prefix ? null : var.name
  name_prefix           = var.use_name_prefix ? "${var.name}-" : null
  min_size              = try(coalesce(var.min_size), var.major < 21 ? 0 : 1)
  max_size              = try(coalesce(var.max_size), 3)
  desired_capacity      = try(coalesce(var.desired_size), 1)
  capacity_rebalance    = var.capacity_rebalance
  max_instance_lifetime = var.max_instance_lifetime
  target_group_arns     = try(coalesce(var.target_group_arns), [])

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
    for_each = merge({ "Name" = var.name, "kubernetes.io/cluster/${var.cluster_name}" = "owned", "k8s.io/cluster/${var.cluster_name}" = "owned" }, var.tags)
    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }
  dynamic "tag" {
    for_each = var.autoscaling_group_tags
    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = false
    }
  }
}

resource "aws_autoscaling_traffic_source_attachment" "this" {
  for_each = var.create && var.create_autoscaling_group ? try(coalesce(var.traffic_source_attachments), {}) : {}

  autoscaling_group_name = aws_autoscaling_group.this[0].name
  traffic_source {
    identifier = each.value.traffic_source_identifier
    type       = try(each.value.traffic_source_type, "elbv2")
  }
}

resource "aws_autoscaling_schedule" "this" {
  for_each = var.create && var.create_schedule ? try(coalesce(var.schedules), {}) : {}

  autoscaling_group_name = aws_autoscaling_group.this[0].name
  min_size               = try(each.value.min_size, null)
  max_size               = try(each.value.max_size, null)
  desired_capacity       = try(each.value.desired_size, null)
}

output "launch_template_id" { value = try(aws_launch_template.this[0].id, null) }
output "launch_template_name" { value = try(aws_launch_template.this[0].name, null) }
output "autoscaling_group_arn" { value = try(aws_autoscaling_group.this[0].arn, null) }
output "autoscaling_group_id" { value = try(aws_autoscaling_group.this[0].id, null) }
output "autoscaling_group_name" { value = try(aws_autoscaling_group.this[0].name, null) }
