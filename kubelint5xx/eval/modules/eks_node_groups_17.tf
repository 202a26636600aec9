# terraform-aws-modules/eks 12 to 17, its submodule node_groups: managed groups, with launch templates where one is asked
# for or named. What a group leaves out comes from node_groups_defaults and then from workers_group_defaults.
variable "create_eks" { default = true }
variable "cluster_name" { default = "" }
variable "node_groups" { default = {} }
variable "node_groups_defaults" { default = {} }
variable "workers_group_defaults" { default = {} }

locals {
  own = { for key, group in var.node_groups : key => merge(var.node_groups_defaults, group) }
  all = { for key, group in local.own : key => merge(var.workers_group_defaults, group) if var.create_eks }
}

resource "aws_launch_template" "workers" {
  for_each = { for key, group in local.all : key => group if try(group.create_launch_template, false) }

  user_data = join("\n", [try(coalesce(each.value.pre_userdata), ""), try(coalesce(each.value.kubelet_extra_args), "")])
}

resource "aws_eks_node_group" "workers" {
  for_each = local.all

  cluster_name           = var.cluster_name
  node_group_name_prefix = try(each.value.name_prefix, "${var.cluster_name}-${each.key}")
  node_group_name        = try(each.value.name, null)
  capacity_type          = try(each.value.capacity_type, null)
  ami_type               = try(each.value.ami_type, null)
  labels                 = merge(try(var.node_groups_defaults.k8s_labels, {}), try(var.node_groups[each.key].k8s_labels, {}))

  scaling_config {
    min_size     = try(each.value.min_capacity, each.value.asg_min_size)
    max_size     = try(each.value.max_capacity, each.value.asg_max_size)
    desired_size = try(each.value.desired_capacity, each.value.asg_desired_capacity)
  }
  dynamic "launch_template" {
    for_each = try([coalesce(each.value.launch_template_id)], try(each.value.create_launch_template, false) ? [aws_launch_template.workers[each.key].id] : [])
    content {
      id = launch_template.value
    }
  }
  dynamic "taint" {
    for_each = try(coalesce(each.value.taints), [])
    content {
      key    = taint.value.key
      value  = try(taint.value.value, null)
      effect = taint.value.effect
    }
  }
}

output "node_groups" { value = aws_eks_node_group.workers }
