# terraform-aws-modules/eks 12 to 17: the cluster, groups of workers from launch configurations or launch templates,
# and managed groups. What a group leaves out comes from workers_group_defaults, and from what this module takes then:
# 1 to 3 nodes; of a group of several instance types all above on_demand_base_capacity are spot instances.
variable "create_eks" { default = true }
variable "cluster_name" { default = "" }
variable "cluster_version" { default = null }
variable "subnets" { default = [] }
variable "workers_group_defaults" { default = {} }
variable "worker_groups" { default = [] }
variable "worker_groups_launch_template" { default = [] }
variable "worker_create_initial_lifecycle_hooks" { default = false }
variable "node_groups" { default = {} }
variable "node_groups_defaults" { default = {} }
variable "worker_additional_security_group_ids" { default = [] }

locals {
  taken = {
    asg_desired_capacity                     = 1
    asg_max_size                             = 3
    asg_min_size                             = 1
    asg_initial_lifecycle_hooks              = []
    target_group_arns                        = null
    load_balancers                           = null
    max_instance_lifetime                    = null
    capacity_rebalance                       = null
    market_type                              = null
    spot_price                               = null
    ami_id                                   = ""
    pre_userdata                             = ""
    bootstrap_extra_args                     = ""
    kubelet_extra_args                       = ""
    additional_userdata                      = ""
    on_demand_base_capacity                  = 0
    on_demand_percentage_above_base_capacity = 0
  }
  defaults  = merge(local.taken, var.workers_group_defaults)
  workers   = var.create_eks ? [for group in var.worker_groups : merge(local.defaults, group)] : []
  templated = var.create_eks ? [for group in var.worker_groups_launch_template : merge(local.defaults, group)] : []
}

resource "aws_eks_cluster" "this" {
  count = var.create_eks ? 1 : 0

  name    = var.cluster_name
  version = var.cluster_version
}

data "aws_ami" "eks_worker" {
  name_regex = "amazon-eks-node-${var.cluster_version}"
}

resource "aws_launch_configuration" "workers" {
  count = length(local.workers)

  image_id   = can(coalesce(local.workers[count.index].ami_id)) ? local.workers[count.index].ami_id : data.aws_ami.eks_worker.id
  spot_price = try(coalesce(local.workers[count.index].spot_price), null)
  user_data = join("\n", [
    "#!/bin/bash",
    local.workers[count.index].pre_userdata,
    "/etc/eks/bootstrap.sh ${local.workers[count.index].bootstrap_extra_args} --kubelet-extra-args \"${local.workers[count.index].kubelet_extra_args}\"",
    local.workers[count.index].additional_userdata,
  ])
}

resource "aws_launch_template" "workers_launch_template" {
  count = length(local.templated)

  image_id = can(coalesce(local.templated[count.index].ami_id)) ? local.templated[count.index].ami_id : data.aws_ami.eks_worker.id
  user_data = join("\n", [
    "#!/bin/bash",
    local.templated[count.index].pre_userdata,
    "/etc/eks/bootstrap.sh ${local.templated[count.index].bootstrap_extra_args} --kubelet-extra-args \"${local.templated[count.index].kubelet_extra_args}\"",
    local.templated[count.index].additional_userdata,
  ])

  dynamic "instance_market_options" {
    for_each = local.templated[count.index].market_type == null ? [] : [local.templated[count.index].market_type]
    content {
      market_type = instance_market_options.value
    }
  }
}

resource "aws_autoscaling_group" "workers" {
  count = length(local.workers)

  name_prefix           = "${var.cluster_name}-${try(local.workers[count.index].name, count.index)}"
  min_size              = local.workers[count.index].asg_min_size
  max_size              = local.workers[count.index].asg_max_size
  desired_capacity      = local.workers[count.index].asg_desired_capacity
  max_instance_lifetime = local.workers[count.index].max_instance_lifetime
  capacity_rebalance    = local.workers[count.index].capacity_rebalance
  target_group_arns     = local.workers[count.index].target_group_arns
  load_balancers        = local.workers[count.index].load_balancers
  launch_configuration  = aws_launch_configuration.workers[count.index].id

  dynamic "initial_lifecycle_hook" {
    for_each = var.worker_create_initial_lifecycle_hooks ? local.workers[count.index].asg_initial_lifecycle_hooks : []
    content {
      name                    = initial_lifecycle_hook.value.name
      lifecycle_transition    = initial_lifecycle_hook.value.lifecycle_transition
      heartbeat_timeout       = try(initial_lifecycle_hook.value.heartbeat_timeout, null)
      default_result          = try(initial_lifecycle_hook.value.default_result, null)
      notification_target_arn = try(initial_lifecycle_hook.value.notification_target_arn, null)
    }
  }
  tag {
    key                 = "kubernetes.io/cluster/${var.cluster_name}"
    value               = "owned"
    propagate_at_launch = true
  }
}

resource "aws_autoscaling_group" "workers_launch_template" {
  count = length(local.templated)

  name_prefix           = "${var.cluster_name}-${try(local.templated[count.index].name, count.index)}"
  min_size              = local.templated[count.index].asg_min_size
  max_size              = local.templated[count.index].asg_max_size
  desired_capacity      = local.templated[count.index].asg_desired_capacity
  max_instance_lifetime = local.templated[count.index].max_instance_lifetime
  capacity_rebalance    = local.templated[count.index].capacity_rebalance
  target_group_arns     = local.templated[count.index].target_group_arns
  load_balancers        = local.templated[count.index].load_balancers

  dynamic "mixed_instances_policy" {
    for_each = can(coalesce(var.worker_groups_launch_template[count.index].on_demand_allocation_strategy)) || try(var.worker_groups_launch_template[count.index].override_instance_types != null, false) ? [1] : []
    content {
      instances_distribution {
        on_demand_base_capacity                  = local.templated[count.index].on_demand_base_capacity
        on_demand_percentage_above_base_capacity = local.templated[count.index].on_demand_percentage_above_base_capacity
      }
      launch_template {
        launch_template_specification {
          launch_template_id = aws_launch_template.workers_launch_template[count.index].id
        }
      }
    }
  }
  dynamic "launch_template" {
    for_each = can(coalesce(var.worker_groups_launch_template[count.index].on_demand_allocation_strategy)) || try(var.worker_groups_launch_template[count.index].override_instance_types != null, false) ? [] : [1]
    content {
      id = aws_launch_template.workers_launch_template[count.index].id
    }
  }
  dynamic "initial_lifecycle_hook" {
    for_each = var.worker_create_initial_lifecycle_hooks ? local.templated[count.index].asg_initial_lifecycle_hooks : []
    content {
      name                    = initial_lifecycle_hook.value.name
      lifecycle_transition    = initial_lifecycle_hook.value.lifecycle_transition
      heartbeat_timeout       = try(initial_lifecycle_hook.value.heartbeat_timeout, null)
      default_result          = try(initial_lifecycle_hook.value.default_result, null)
      notification_target_arn = try(initial_lifecycle_hook.value.notification_target_arn, null)
    }
  }
  tag {
    key                 = "kubernetes.io/cluster/${var.cluster_name}"
    value               = "owned"
    propagate_at_launch = true
  }
}

module "node_groups" {
  source = "terraform-aws-modules/eks/aws//modules/node_groups"

  create_eks             = var.create_eks
  cluster_name           = try(aws_eks_cluster.this[0].name, "")
  node_groups            = var.node_groups
  node_groups_defaults   = var.node_groups_defaults
  workers_group_defaults = local.defaults
}

output "cluster_id" { value = try(aws_eks_cluster.this[0].id, "") }
output "cluster_arn" { value = try(aws_eks_cluster.this[0].arn, "") }
output "cluster_endpoint" { value = try(aws_eks_cluster.this[0].endpoint, "") }
output "cluster_version" { value = try(aws_eks_cluster.this[0].version, "") }
output "node_groups" { value = module.node_groups.node_groups }
output "workers_asg_arns" { value = concat(aws_autoscaling_group.workers[*].arn, aws_autoscaling_group.workers_launch_template[*].arn) }
output "workers_asg_names" { value = concat(aws_autoscaling_group.workers[*].name, aws_autoscaling_group.workers_launch_template[*].name) }
