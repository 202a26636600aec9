# terraform-aws-modules/eks 18 to 21, its submodule eks-managed-node-group: one managed group and its launch template.
# A group has at least 0 nodes before version 21 and 1 from there on, where its image is Amazon Linux 2023, too.
variable "major" {}
variable "create" { default = true }
variable "cluster_name" { default = "" }
variable "name" { default = "" }
variable "use_name_prefix" { default = true }
variable "min_size" { default = null }
variable "max_size" { default = null }
variable "desired_size" { default = null }
variable "capacity_type" { default = null }
variable "ami_id" { default = "" }
variable "ami_type" { default = null }
variable "labels" { default = null }
variable "taints" { default = null }
variable "create_launch_template" { default = true }
variable "use_custom_launch_template" { default = true }
variable "launch_template_id" { default = "" }
variable "instance_market_options" { default = null }
variable "platform" { default = "linux" }
variable "enable_bootstrap_user_data" { default = false }
variable "pre_bootstrap_user_data" { default = null }
variable "post_bootstrap_user_data" { default = null }
variable "bootstrap_extra_args" { default = null }
variable "cloudinit_pre_nodeadm" { default = null }
variable "cloudinit_post_nodeadm" { default = null }
variable "user_data_template_path" { default = null }

locals {
  own_image    = can(coalesce(var.ami_id))
  family       = try(coalesce(var.ami_type), var.major < 21 ? null : "AL2023_x86_64_STANDARD")
  bottlerocket = var.platform == "bottlerocket" || startswith(try(coalesce(local.family), ""), "BOTTLEROCKET")
  nodeadm      = startswith(try(coalesce(local.family), ""), "AL2023")
  template     = var.create_launch_template ? try(aws_launch_template.this[0].id, null) : var.launch_template_id
  # What joins the cluster is EKS's own, unless the group has an image of its own: then the arguments count.
  shell = concat(
    [try(coalesce(var.pre_bootstrap_user_data), "")],
    var.enable_bootstrap_user_data ? ["/etc/eks/bootstrap.sh ${try(coalesce(var.bootstrap_extra_args), "")}", try(coalesce(var.post_bootstrap_user_data), "")] : [],
  )
  parts = concat(try(coalesce(var.cloudinit_pre_nodeadm), []), var.enable_bootstrap_user_data ? try(coalesce(var.cloudinit_post_nodeadm), []) : [])
  given = length(compact([var.pre_bootstrap_user_data, var.post_bootstrap_user_data, var.bootstrap_extra_args])) + length(local.parts) > 0
  said  = !local.given ? [] : local.bottlerocket ? [try(coalesce(var.bootstrap_extra_args), "")] : local.nodeadm ? [for part in local.parts : part.content] : concat(local.shell, [for part in local.parts : part.content])
}

resource "aws_launch_template" "this" {
  count = var.create && var.create_launch_template && var.use_custom_launch_template ? 1 : 0

  user_data = can(coalesce(var.user_data_template_path)) ? templatefile(var.user_data_template_path, {}) : join("\n", local.said)

  dynamic "instance_market_options" {
    for_each = try([coalesce(var.instance_market_options)], [])
    content {
      market_type = try(instance_market_options.value.market_type, null)
    }
  }
}

resource "aws_eks_node_group" "this" {
  count = var.create ? 1 : 0

  cluster_name           = var.cluster_name
  node_group_name        = var.use_name_prefix ? null : var.name
  node_group_name_prefix = var.use_name_prefix ? "${var.name}-" : null
  capacity_type          = try(coalesce(var.capacity_type), "ON_DEMAND")
  ami_type               = local.own_image ? null : local.family
  labels                 = var.labels

  scaling_config {
    min_size     = try(coalesce(var.min_size), var.major < 21 ? 0 : 1)
    max_size     = try(coalesce(var.max_size), 3)
    desired_size = try(coalesce(var.desired_size), 1)
  }
  dynamic "launch_template" {
    for_each = var.use_custom_launch_template ? [local.template] : []
    content {
      id = launch_template.value
    }
  }
  dynamic "taint" {
    for_each = try(coalesce(var.taints), {})
    content {
      key    = taint.value.key
      value  = try(taint.value.value, null)
      effect = taint.value.effect
    }
  }
}

output "launch_template_id" { value = try(aws_launch_template.this[0].id, null) }
output "launch_template_name" { value = try(aws_launch_template.this[0].name, null) }
output "node_group_arn" { value = try(aws_eks_node_group.this[0].arn, null) }
output "node_group_id" { value = try(aws_eks_node_group.this[0].id, null) }
output "node_group_labels" { value = try(aws_eks_node_group.this[0].labels, {}) }
