# terraform-aws-modules/eks 18 to 21: the cluster, its addons and its node groups. Version 21 renamed arguments and
# dropped those that held defaults for all groups; from 19 on an addon without a version has the one that EKS proposes.
variable "major" {}
variable "create" { default = true }
variable "name" { default = null }
variable "cluster_name" { default = null }
variable "kubernetes_version" { default = null }
variable "cluster_version" { default = null }
variable "subnet_ids" { default = [] }
variable "addons" { default = {} }
variable "cluster_addons" { default = {} }
variable "eks_managed_node_groups" { default = {} }
variable "eks_managed_node_group_defaults" { default = {} }
variable "self_managed_node_groups" { default = {} }
variable "self_managed_node_group_defaults" { default = {} }
variable "create_node_security_group" { default = true }
variable "node_security_group_id" { default = "" }

locals {
  name     = try(coalesce(var.name, var.cluster_name), null)
  version  = try(coalesce(var.kubernetes_version, var.cluster_version), null)
  addons   = merge(try(coalesce(var.addons), {}), try(coalesce(var.cluster_addons), {}))
  managed  = { for key, group in try(coalesce(var.eks_managed_node_groups), {}) : key => merge(var.eks_managed_node_group_defaults, group) }
  own      = { for key, group in try(coalesce(var.self_managed_node_groups), {}) : key => merge(var.self_managed_node_group_defaults, group) }
  node_sgs = var.create && var.create_node_security_group ? [aws_security_group.node[0].id] : compact([var.node_security_group_id])
}

resource "aws_eks_cluster" "this" {
  count = var.create ? 1 : 0

  name    = local.name
  version = local.version
}

data "aws_eks_addon_version" "this" {
  for_each = var.create && var.major > 18 ? local.addons : {}

  addon_name = try(coalesce(each.value.name), each.key)
}

resource "aws_eks_addon" "this" {
  for_each = var.create ? local.addons : {}

  cluster_name         = aws_eks_cluster.this[0].name
  addon_name           = try(coalesce(each.value.name), each.key)
  addon_version        = try(coalesce(each.value.addon_version), data.aws_eks_addon_version.this[each.key].version, null)
  configuration_values = try(each.value.configuration_values, null)
}

# What lets requests in comes with the rules, which are not read here.
resource "aws_security_group" "node" {
  count = var.create && var.create_node_security_group ? 1 : 0

  lifecycle {
    ignore_changes = [ingress]
  }
}

module "eks_managed_node_group" {
  source   = "terraform-aws-modules/eks/aws//modules/eks-managed-node-group"
  for_each = var.create ? local.managed : {}

  major                      = var.major
  create                     = try(each.value.create, true)
  cluster_name               = aws_eks_cluster.this[0].name
  name                       = try(coalesce(each.value.name), each.key)
  use_name_prefix            = try(each.value.use_name_prefix, true)
  min_size                   = try(coalesce(each.value.min_size), 1)
  max_size                   = try(each.value.max_size, 3)
  desired_size               = try(each.value.desired_size, 1)
  capacity_type              = try(each.value.capacity_type, "ON_DEMAND")
  ami_id                     = try(each.value.ami_id, "")
  ami_type                   = try(each.value.ami_type, null)
  labels                     = try(each.value.labels, null)
  taints                     = try(each.value.taints, null)
  create_launch_template     = try(each.value.create_launch_template, true)
  use_custom_launch_template = try(each.value.use_custom_launch_template, true)
  launch_template_id         = try(each.value.launch_template_id, "")
  instance_market_options    = try(each.value.instance_market_options, null)
  platform                   = try(each.value.platform, "linux")
  enable_bootstrap_user_data = try(each.value.enable_bootstrap_user_data, false)
  pre_bootstrap_user_data    = try(each.value.pre_bootstrap_user_data, null)
  post_bootstrap_user_data   = try(each.value.post_bootstrap_user_data, null)
  bootstrap_extra_args       = try(each.value.bootstrap_extra_args, null)
  cloudinit_pre_nodeadm      = try(each.value.cloudinit_pre_nodeadm, null)
  cloudinit_post_nodeadm     = try(each.value.cloudinit_post_nodeadm, null)
  user_data_template_path    = try(each.value.user_data_template_path, null)
}

module "self_managed_node_group" {
  source   = "terraform-aws-modules/eks/aws//modules/self-managed-node-group"
  for_each = var.create ? local.own : {}

  major                      = var.major
  create                     = try(each.value.create, true)
  create_autoscaling_group   = try(each.value.create_autoscaling_group, true)
  cluster_name               = aws_eks_cluster.this[0].name
  name                       = try(coalesce(each.value.name), each.key)
  use_name_prefix            = try(each.value.use_name_prefix, true)
  min_size                   = try(each.value.min_size, null)
  max_size                   = try(each.value.max_size, 3)
  desired_size               = try(each.value.desired_size, 1)
  capacity_rebalance         = try(each.value.capacity_rebalance, null)
  max_instance_lifetime      = try(each.value.max_instance_lifetime, null)
  initial_lifecycle_hooks    = try(each.value.initial_lifecycle_hooks, null)
  use_mixed_instances_policy = try(each.value.use_mixed_instances_policy, false)
  mixed_instances_policy     = try(each.value.mixed_instances_policy, null)
  target_group_arns          = try(each.value.target_group_arns, [])
  traffic_source_attachments = try(each.value.traffic_source_attachments, {})
  schedules                  = try(each.value.schedules, {})
  create_launch_template     = try(each.value.create_launch_template, true)
  launch_template_id         = try(each.value.launch_template_id, "")
  instance_market_options    = try(each.value.instance_market_options, null)
  platform                   = try(each.value.platform, "linux")
  ami_id                     = try(each.value.ami_id, "")
  ami_type                   = try(each.value.ami_type, null)
  vpc_security_group_ids     = concat(local.node_sgs, try(coalesce(each.value.vpc_security_group_ids), []))
  pre_bootstrap_user_data    = try(each.value.pre_bootstrap_user_data, null)
  post_bootstrap_user_data   = try(each.value.post_bootstrap_user_data, null)
  bootstrap_extra_args       = try(each.value.bootstrap_extra_args, null)
  cloudinit_pre_nodeadm      = try(each.value.cloudinit_pre_nodeadm, null)
  cloudinit_post_nodeadm     = try(each.value.cloudinit_post_nodeadm, null)
  user_data_template_path    = try(each.value.user_data_template_path, null)
  tags                       = try(coalesce(each.value.tags), {})
  autoscaling_group_tags     = try(coalesce(each.value.autoscaling_group_tags), {})
}

output "cluster_name" { value = try(aws_eks_cluster.this[0].name, "") }
output "cluster_id" { value = try(aws_eks_cluster.this[0].id, "") }
output "cluster_arn" { value = try(aws_eks_cluster.this[0].arn, null) }
output "cluster_endpoint" { value = try(aws_eks_cluster.this[0].endpoint, null) }
output "cluster_version" { value = try(aws_eks_cluster.this[0].version, null) }
output "node_security_group_id" { value = try(aws_security_group.node[0].id, null) }
output "eks_managed_node_groups" { value = module.eks_managed_node_group }
output "self_managed_node_groups" { value = module.self_managed_node_group }
output "self_managed_node_groups_autoscaling_group_names" {
  value = [for group in module.self_managed_node_group : group.autoscaling_group_name]
}
