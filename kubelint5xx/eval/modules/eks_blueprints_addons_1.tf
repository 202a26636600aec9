# aws-ia/eks-blueprints-addons 1: the addons that say something of nodes and balancers.
variable "cluster_name" { default = null }
variable "eks_addons" { default = {} }
variable "create_kubernetes_resources" { default = true }
variable "enable_aws_node_termination_handler" { default = false }
variable "aws_node_termination_handler" { default = {} }
variable "aws_node_termination_handler_asg_arns" { default = [] }
variable "enable_karpenter" { default = false }
variable "karpenter" { default = {} }
variable "karpenter_enable_spot_termination" { default = true }
variable "enable_aws_load_balancer_controller" { default = false }
variable "aws_load_balancer_controller" { default = {} }
variable "helm_releases" { default = {} }

locals {
  terminations = {
    autoscaling_terminate = { source = ["aws.autoscaling"], detail-type = ["EC2 Instance-terminate Lifecycle Action"] }
  }
  events = {
    health_event          = { source = ["aws.health"], detail-type = ["AWS Health Event"] }
    spot_interrupt        = { source = ["aws.ec2"], detail-type = ["EC2 Spot Instance Interruption Warning"] }
    instance_rebalance    = { source = ["aws.ec2"], detail-type = ["EC2 Instance Rebalance Recommendation"] }
    instance_state_change = { source = ["aws.ec2"], detail-type = ["EC2 Instance State-change Notification"] }
  }
}

resource "aws_eks_addon" "this" {
  for_each = try(coalesce(var.eks_addons), {})

  cluster_name         = var.cluster_name
  addon_name           = try(coalesce(each.value.name), each.key)
  addon_version        = try(each.value.addon_version, null)
  configuration_values = try(each.value.configuration_values, null)
}

resource "aws_autoscaling_lifecycle_hook" "aws_node_termination_handler" {
  count = var.enable_aws_node_termination_handler ? length(var.aws_node_termination_handler_asg_arns) : 0

  name                   = "aws_node_termination_handler"
  autoscaling_group_name = var.aws_node_termination_handler_asg_arns[count.index]
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_TERMINATING"
  default_result         = "CONTINUE"
  heartbeat_timeout      = 300
}

resource "aws_cloudwatch_event_rule" "aws_node_termination_handler" {
  for_each = var.enable_aws_node_termination_handler ? merge(local.terminations, local.events) : {}

  event_pattern = jsonencode(each.value)
}

resource "aws_cloudwatch_event_rule" "karpenter" {
  for_each = var.enable_karpenter && var.karpenter_enable_spot_termination ? local.events : {}

  event_pattern = jsonencode(each.value)
}

resource "helm_release" "aws_node_termination_handler" {
  count = var.enable_aws_node_termination_handler && var.create_kubernetes_resources ? 1 : 0

  name      = try(var.aws_node_termination_handler.name, "aws-node-termination-handler")
  chart     = try(var.aws_node_termination_handler.chart, "aws-node-termination-handler")
  namespace = try(var.aws_node_termination_handler.namespace, "aws-node-termination-handler")
  values    = try(var.aws_node_termination_handler.values, [])

  set {
    name  = "enableSqsTerminationDraining"
    value = true
  }
  dynamic "set" {
    for_each = try(var.aws_node_termination_handler.set, [])
    content {
      name  = set.value.name
      value = set.value.value
    }
  }
}

resource "helm_release" "karpenter" {
  count = var.enable_karpenter && var.create_kubernetes_resources ? 1 : 0

  name      = try(var.karpenter.name, "karpenter")
  chart     = try(var.karpenter.chart, "karpenter")
  namespace = try(var.karpenter.namespace, "karpenter")
  values    = try(var.karpenter.values, [])

  dynamic "set" {
    for_each = var.karpenter_enable_spot_termination ? ["settings.interruptionQueue"] : []
    content {
      name  = set.value
      value = "karpenter"
    }
  }
  dynamic "set" {
    for_each = try(var.karpenter.set, [])
    content {
      name  = set.value.name
      value = set.value.value
    }
  }
}

resource "helm_release" "aws_load_balancer_controller" {
  count = var.enable_aws_load_balancer_controller && var.create_kubernetes_resources ? 1 : 0

  name      = try(var.aws_load_balancer_controller.name, "aws-load-balancer-controller")
  chart     = try(var.aws_load_balancer_controller.chart, "aws-load-balancer-controller")
  namespace = try(var.aws_load_balancer_controller.namespace, "kube-system")
  values    = try(var.aws_load_balancer_controller.values, [])
}
