# terraform-aws-modules/eks 18 to 21: the cluster, its addons and its node groups. Version 21 renamed arguments and
# dropped those that held defaults for all groups.
variable "major" {}
variable "create" { default = true }
variable "name" { default = null }
variable "cluster_name" { default = null }
variable "kubernetes_version" { default = null }
variable "cluster_version" { default = null }
variable "addons" { default = {} }
variable "cluster_addons" { default = {} }
variable "eks_managed_node_groups" { default = {} }
variable "eks_managed_node_group_defaults" { default = {} }
variable "self_managed_node_groups" { default = {} }
variable "self_managed_node_group_defaults" { default = {} }

locals {
  name   = try(coalesce(var.name, var.cluster_name), null)
  addons = merge(try(coalesce(var.addons), {}), try(coalesce(var.cluster_addons), {}))
  managed = {
    for key, group in try(coalesce(var.eks_managed_node_groups), {}) : key => group if try(coalesce(group.create), true)
  }
  own = {
    for key, group in try(coalesce(var.self_managed_node_groups), {}) : key => group if try(coalesce(group.create), true)
  }
  managed_all = var.eks_managed_node_group_defaults
  own_all     = var.self_managed_node_group_defaults
  scripts = {
    for key, group in local.managed : key => concat(
      [try(coalesce(group.pre_bootstrap_user_data), try(coalesce(local.managed_all.pre_bootstrap_user_data), ""))],
      [try(coalesce(group.bootstrap_extra_args), try(coalesce(local.managed_all.bootstrap_extra_args), ""))],
      [for part in try(coalesce(group.cloudinit_pre_nodeadm), try(coalesce(local.managed_all.cloudinit_pre_nodeadm), [])) : part.content],
    )
  }
}

resource "aws_eks_cluster" "this" {
  count = var.create ? 1 : 0

  name    = local.name
  version = try(coalesce(var.kubernetes_version, var.cluster_version), null)
}

resource "aws_eks_addon" "this" {
  for_each = var.create ? local.addons : {}

  cluster_name         = aws_eks_cluster.this[0].name
  addon_name           = try(coalesce(each.value.name), each.key)
  addon_version        = try(each.value.addon_version, null)
  configuration_values = try(each.value.configuration_values, null)
}

resource "aws_launch_template" "managed" {
  for_each = var.create ? local.managed : {}

  user_data = join("\n", local.scripts[each.key])

  dynamic "instance_market_options" {
    for_each = try([coalesce(each.value.instance_market_options)], [])
    content {
      market_type = try(instance_market_options.value.market_type, null)
    }
  }
}

resource "aws_eks_node_group" "this" {
  for_each = var.create ? local.managed : {}

  cluster_name           = aws_eks_cluster.this[0].name
  node_group_name_prefix = "${try(coalesce(each.value.name), each.key)}-"
  capacity_type          = try(coalesce(each.value.capacity_type), try(coalesce(local.managed_all.capacity_type), "ON_DEMAND"))
  ami_type               = try(coalesce(each.value.ami_type), try(coalesce(local.managed_all.ami_type), null))
  labels                 = try(coalesce(each.value.labels), try(coalesce(local.managed_all.labels), null))

  scaling_config {
    min_size     = try(coalesce(each.value.min_size), try(coalesce(local.managed_all.min_size), 1))
    max_size     = try(coalesce(each.value.max_size), try(coalesce(local.managed_all.max_size), 3))
    desired_size = try(coalesce(each.value.desired_size), try(coalesce(local.managed_all.desired_size), 1))
  }
  launch_template {
    id = aws_launch_template.managed[each.key].id
  }
  dynamic "taint" {
    for_each = try(coalesce(each.value.taints), try(coalesce(local.managed_all.taints), {}))
    content {
      key    = taint.value.key
      value  = try(taint.value.value, null)
      effect = taint.value.effect
    }
  }
}

resource "aws_launch_template" "own" {
  for_each = var.create ? local.own : {}

  image_id = try(each.value.ami_id, null)
  user_data = join("\n", concat(
    ["#!/bin/bash"],
    [try(coalesce(each.value.pre_bootstrap_user_data), try(coalesce(local.own_all.pre_bootstrap_user_data), ""))],
    ["/etc/eks/bootstrap.sh ${try(coalesce(each.value.bootstrap_extra_args), try(coalesce(local.own_all.bootstrap_extra_args), ""))}"],
    [for part in try(coalesce(each.value.cloudinit_pre_nodeadm), try(coalesce(local.own_all.cloudinit_pre_nodeadm), [])) : part.content],
  ))

  dynamic "instance_market_options" {
    for_each = try([coalesce(each.value.instance_market_options)], try([coalesce(local.own_all.instance_market_options)], []))
    content {
      market_type = try(instance_market_options.value.market_type, null)
    }
  }
}

resource "aws_autoscaling_group" "this" {
  for_each = var.create ? local.own : {}

  name_prefix           = "${try(coalesce(each.value.name), each.key)}-"
  min_size              = try(coalesce(each.value.min_size), try(coalesce(local.own_all.min_size), var.major < 21 ? 0 : 1))
  max_size              = try(coalesce(each.value.max_size), try(coalesce(local.own_all.max_size), 3))
  desired_capacity      = try(coalesce(each.value.desired_size), try(coalesce(local.own_all.desired_size), 1))
  capacity_rebalance    = try(each.value.capacity_rebalance, local.own_all.capacity_rebalance, null)
  max_instance_lifetime = try(each.value.max_instance_lifetime, local.own_all.max_instance_lifetime, null)
  target_group_arns     = try(each.value.target_group_arns, local.own_all.target_group_arns, null)

  dynamic "launch_template" {
    for_each = try(coalesce(each.value.use_mixed_instances_policy), try(coalesce(local.own_all.use_mixed_instances_policy), false)) ? [] : [1]
    content {
      id = aws_launch_template.own[each.key].id
    }
  }
  dynamic "mixed_instances_policy" {
    for_each = try(coalesce(each.value.use_mixed_instances_policy), try(coalesce(local.own_all.use_mixed_instances_policy), false)) ? [try(coalesce(each.value.mixed_instances_policy), local.own_all.mixed_instances_policy)] : []
    content {
      dynamic "instances_distribution" {
        for_each = try([coalesce(mixed_instances_policy.value.instances_distribution)], [])
        content {
          on_demand_percentage_above_base_capacity = try(instances_distribution.value.on_demand_percentage_above_base_capacity, null)
        }
      }
      launch_template {
        launch_template_specification {
          launch_template_id = aws_launch_template.own[each.key].id
        }
      }
    }
  }
  dynamic "initial_lifecycle_hook" {
    for_each = try(coalesce(each.value.initial_lifecycle_hooks), try(coalesce(local.own_all.initial_lifecycle_hooks), []))
    content {
      name                 = try(initial_lifecycle_hook.value.name, null)
      lifecycle_transition = try(initial_lifecycle_hook.value.lifecycle_transition, null)
      heartbeat_timeout    = try(initial_lifecycle_hook.value.heartbeat_timeout, null)
      default_result       = try(initial_lifecycle_hook.value.default_result, null)
    }
  }
  tag {
    key                 = "kubernetes.io/cluster/${local.name}"
    value               = "owned"
    propagate_at_launch = true
  }
}

resource "aws_autoscaling_traffic_source_attachment" "this" {
  for_each = var.create ? merge([
    for key, group in local.own : {
      for name, source in try(coalesce(group.traffic_source_attachments), {}) : "${key}-${name}" => { group = key, to = source.traffic_source_identifier }
    }
  ]...) : {}

  autoscaling_group_name = aws_autoscaling_group.this[each.value.group].name
  traffic_source {
    identifier = each.value.to
    type       = "elbv2"
  }
}

output "cluster_name" { value = try(aws_eks_cluster.this[0].name, "") }
output "cluster_id" { value = try(aws_eks_cluster.this[0].id, "") }
output "cluster_arn" { value = try(aws_eks_cluster.this[0].arn, null) }
output "cluster_endpoint" { value = try(aws_eks_cluster.this[0].endpoint, null) }
output "cluster_version" { value = try(aws_eks_cluster.this[0].version, null) }
output "self_managed_node_groups" {
  value = { for key, group in aws_autoscaling_group.this : key => { autoscaling_group_name = group.name, autoscaling_group_id = group.id, autoscaling_group_arn = group.arn } }
}
output "self_managed_node_groups_autoscaling_group_names" { value = [for group in aws_autoscaling_group.this : group.name] }
