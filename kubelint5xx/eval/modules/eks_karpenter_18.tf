# terraform-aws-modules/eks 18 to 21, its submodule karpenter: the queue of interruption notices and what fills it,
# both made unless enable_spot_termination is off. The chart of Karpenter itself is installed elsewhere.
variable "create" { default = true }
variable "cluster_name" { default = "" }
variable "enable_spot_termination" { default = true }
variable "queue_name" { default = null }

locals {
  events = {
    health_event          = { source = ["aws.health"], detail-type = ["AWS Health Event"] }
    spot_interrupt        = { source = ["aws.ec2"], detail-type = ["EC2 Spot Instance Interruption Warning"] }
    instance_rebalance    = { source = ["aws.ec2"], detail-type = ["EC2 Instance Rebalance Recommendation"] }
    instance_state_change = { source = ["aws.ec2"], detail-type = ["EC2 Instance State-change Notification"] }
  }
}

resource "aws_sqs_queue" "this" {
  count = var.create && var.enable_spot_termination ? 1 : 0

  name = try(coalesce(var.queue_name), "Karpenter-${var.cluster_name}")
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = var.create && var.enable_spot_termination ? local.events : {}

  event_pattern = jsonencode(each.value)
}

output "queue_arn" { value = try(aws_sqs_queue.this[0].arn, null) }
output "queue_name" { value = try(aws_sqs_queue.this[0].name, null) }
output "queue_url" { value = try(aws_sqs_queue.this[0].url, null) }
output "event_rules" { value = aws_cloudwatch_event_rule.this }
