# terraform-aws-modules/alb 9 and 10: the load balancer, its listeners and its target groups.
variable "create" { default = true }
variable "name" { default = null }
variable "name_prefix" { default = null }
variable "load_balancer_type" { default = "application" }
variable "idle_timeout" { default = null }
variable "client_keep_alive" { default = null }
variable "enable_http2" { default = null }
variable "enable_cross_zone_load_balancing" { default = true }
variable "default_port" { default = 80 }
variable "default_protocol" { default = "HTTP" }
variable "listeners" { default = {} }
variable "target_groups" { default = {} }
variable "security_groups" { default = [] }
variable "create_security_group" { default = true }

locals {
  groups = try(coalesce(var.target_groups), {})
  rules = flatten([
    for listener, it in var.listeners : [
      for rule, said in try(coalesce(it.rules), {}) : merge(said, { key = "${listener}/${rule}", of = listener })
    ]
  ])
}

resource "aws_lb" "this" {
  count = var.create ? 1 : 0

  name                             = var.name
  name_prefix                      = var.name_prefix
  load_balancer_type               = var.load_balancer_type
  idle_timeout                     = var.idle_timeout
  client_keep_alive                = var.client_keep_alive
  enable_http2                     = var.enable_http2
  enable_cross_zone_load_balancing = var.enable_cross_zone_load_balancing
  security_groups                  = var.create_security_group ? concat([aws_security_group.this[0].id], try(coalesce(var.security_groups), [])) : var.security_groups
}

# Its rules let clients reach the balancer, which says nothing of its targets.
resource "aws_security_group" "this" {
  count = var.create && var.create_security_group ? 1 : 0

  lifecycle {
    ignore_changes = [ingress]
  }
}

resource "aws_lb_listener" "this" {
  for_each = var.create ? var.listeners : {}

  load_balancer_arn        = aws_lb.this[0].arn
  port                     = try(coalesce(each.value.port), var.default_port)
  protocol                 = try(coalesce(each.value.protocol), var.default_protocol)
  tcp_idle_timeout_seconds = try(each.value.tcp_idle_timeout_seconds, null)

  dynamic "default_action" {
    for_each = try([coalesce(each.value.forward)], [])
    content {
      type             = "forward"
      target_group_arn = try(aws_lb_target_group.this[default_action.value.target_group_key].arn, default_action.value.target_group_arn, default_action.value.arn)
    }
  }
  dynamic "default_action" {
    for_each = try([coalesce(each.value.weighted_forward)], [])
    content {
      type = "forward"
      forward {
        dynamic "target_group" {
          for_each = try(coalesce(default_action.value.target_groups), [])
          content {
            arn    = try(aws_lb_target_group.this[target_group.value.target_group_key].arn, target_group.value.target_group_arn, target_group.value.arn)
            weight = try(target_group.value.weight, null)
          }
        }
      }
    }
  }
}

resource "aws_lb_listener_rule" "this" {
  for_each = var.create ? { for rule in local.rules : rule.key => rule } : {}

  listener_arn = aws_lb_listener.this[each.value.of].arn

  # Version 9 names an action's type, version 10 has an object under it.
  dynamic "action" {
    for_each = [for action in each.value.actions : try(coalesce(action.forward), action) if try(action.type == "forward", false) || can(coalesce(action.forward))]
    content {
      type             = "forward"
      target_group_arn = try(aws_lb_target_group.this[action.value.target_group_key].arn, action.value.target_group_arn, action.value.arn)
    }
  }
  dynamic "action" {
    for_each = [for action in each.value.actions : try(coalesce(action.weighted_forward), action) if try(action.type == "weighted-forward", false) || can(coalesce(action.weighted_forward))]
    content {
      type = "forward"
      forward {
        dynamic "target_group" {
          for_each = try(coalesce(action.value.target_groups), [])
          content {
            arn = try(aws_lb_target_group.this[target_group.value.target_group_key].arn, target_group.value.target_group_arn, target_group.value.arn)
          }
        }
      }
    }
  }
}

resource "aws_lb_target_group" "this" {
  for_each = var.create ? local.groups : {}

  name                          = try(each.value.name, null)
  name_prefix                   = try(each.value.name_prefix, null)
  target_type                   = try(each.value.target_type, null)
  port                          = try(coalesce(each.value.port), var.default_port)
  protocol                      = try(coalesce(each.value.protocol), var.default_protocol)
  protocol_version              = try(each.value.protocol_version, null)
  deregistration_delay          = try(each.value.deregistration_delay, null)
  connection_termination        = try(each.value.connection_termination, null)
  slow_start                    = try(each.value.slow_start, null)
  preserve_client_ip            = try(each.value.preserve_client_ip, null)
  proxy_protocol_v2             = try(each.value.proxy_protocol_v2, null)
  load_balancing_algorithm_type = try(each.value.load_balancing_algorithm_type, null)

  dynamic "health_check" {
    for_each = try([coalesce(each.value.health_check)], [])
    content {
      enabled             = try(health_check.value.enabled, null)
      healthy_threshold   = try(health_check.value.healthy_threshold, null)
      interval            = try(health_check.value.interval, null)
      matcher             = try(health_check.value.matcher, null)
      path                = try(health_check.value.path, null)
      port                = try(health_check.value.port, null)
      protocol            = try(health_check.value.protocol, null)
      timeout             = try(health_check.value.timeout, null)
      unhealthy_threshold = try(health_check.value.unhealthy_threshold, null)
    }
  }
  dynamic "stickiness" {
    for_each = try([coalesce(each.value.stickiness)], [])
    content {
      enabled         = try(stickiness.value.enabled, null)
      type            = try(stickiness.value.type, null)
      cookie_duration = try(stickiness.value.cookie_duration, null)
    }
  }
  dynamic "target_health_state" {
    for_each = try([coalesce(each.value.target_health_state)], [])
    content {
      enable_unhealthy_connection_termination = try(target_health_state.value.enable_unhealthy_connection_termination, null)
      unhealthy_draining_interval             = try(target_health_state.value.unhealthy_draining_interval, null)
    }
  }
}

output "id" { value = try(aws_lb.this[0].id, null) }
output "arn" { value = try(aws_lb.this[0].arn, null) }
output "dns_name" { value = try(aws_lb.this[0].dns_name, null) }
output "listeners" { value = aws_lb_listener.this }
output "listener_rules" { value = aws_lb_listener_rule.this }
output "security_group_id" { value = try(aws_security_group.this[0].id, null) }
output "target_groups" { value = aws_lb_target_group.this }
