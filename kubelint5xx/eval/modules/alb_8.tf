# terraform-aws-modules/alb 6 to 8: lists, whose positions join listeners and target groups.
variable "create_lb" { default = true }
variable "name" { default = null }
variable "name_prefix" { default = null }
variable "load_balancer_type" { default = "application" }
variable "idle_timeout" { default = 60 }
variable "enable_http2" { default = true }
variable "enable_cross_zone_load_balancing" { default = false }
variable "target_groups" { default = [] }
variable "http_tcp_listeners" { default = [] }
variable "https_listeners" { default = [] }
variable "http_tcp_listener_rules" { default = [] }
variable "https_listener_rules" { default = [] }

resource "aws_lb" "this" {
  count = var.create_lb ? 1 : 0

  name                             = var.name
  name_prefix                      = var.name_prefix
  load_balancer_type               = var.load_balancer_type
  idle_timeout                     = var.idle_timeout
  enable_http2                     = var.enable_http2
  enable_cross_zone_load_balancing = var.enable_cross_zone_load_balancing
}

resource "aws_lb_target_group" "main" {
  count = var.create_lb ? length(var.target_groups) : 0

  name                          = try(var.target_groups[count.index].name, null)
  name_prefix                   = try(var.target_groups[count.index].name_prefix, null)
  port                          = try(var.target_groups[count.index].backend_port, null)
  protocol                      = try(upper(var.target_groups[count.index].backend_protocol), null)
  protocol_version              = try(upper(var.target_groups[count.index].protocol_version), null)
  target_type                   = try(var.target_groups[count.index].target_type, null)
  deregistration_delay          = try(var.target_groups[count.index].deregistration_delay, null)
  connection_termination        = try(var.target_groups[count.index].connection_termination, null)
  slow_start                    = try(var.target_groups[count.index].slow_start, null)
  proxy_protocol_v2             = try(var.target_groups[count.index].proxy_protocol_v2, false)
  preserve_client_ip            = try(var.target_groups[count.index].preserve_client_ip, null)
  load_balancing_algorithm_type = try(var.target_groups[count.index].load_balancing_algorithm_type, null)

  dynamic "health_check" {
    for_each = try([var.target_groups[count.index].health_check], [])
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
    for_each = try([var.target_groups[count.index].stickiness], [])
    content {
      enabled         = try(stickiness.value.enabled, null)
      type            = try(stickiness.value.type, null)
      cookie_duration = try(stickiness.value.cookie_duration, null)
    }
  }
}

resource "aws_lb_listener" "frontend_http_tcp" {
  count = var.create_lb ? length(var.http_tcp_listeners) : 0

  load_balancer_arn = aws_lb.this[0].arn
  port              = try(var.http_tcp_listeners[count.index].port, null)
  protocol          = try(var.http_tcp_listeners[count.index].protocol, null)

  dynamic "default_action" {
    for_each = contains(["", "forward"], try(var.http_tcp_listeners[count.index].action_type, "")) ? [var.http_tcp_listeners[count.index]] : []
    content {
      type             = "forward"
      target_group_arn = aws_lb_target_group.main[try(default_action.value.target_group_index, count.index)].id
    }
  }
}

resource "aws_lb_listener" "frontend_https" {
  count = var.create_lb ? length(var.https_listeners) : 0

  load_balancer_arn = aws_lb.this[0].arn
  port              = try(var.https_listeners[count.index].port, null)
  protocol          = try(var.https_listeners[count.index].protocol, "HTTPS")

  dynamic "default_action" {
    for_each = contains(["", "forward", "authenticate-oidc", "authenticate-cognito"], try(var.https_listeners[count.index].action_type, "")) ? [var.https_listeners[count.index]] : []
    content {
      type             = "forward"
      target_group_arn = aws_lb_target_group.main[try(default_action.value.target_group_index, count.index)].id
    }
  }
}

resource "aws_lb_listener_rule" "http_tcp_listener_rule" {
  count = var.create_lb ? length(var.http_tcp_listener_rules) : 0

  listener_arn = aws_lb_listener.frontend_http_tcp[try(var.http_tcp_listener_rules[count.index].http_tcp_listener_index, count.index)].arn

  dynamic "action" {
    for_each = [for it in var.http_tcp_listener_rules[count.index].actions : it if it.type == "forward"]
    content {
      type             = "forward"
      target_group_arn = aws_lb_target_group.main[try(action.value.target_group_index, count.index)].id
    }
  }
}

resource "aws_lb_listener_rule" "https_listener_rule" {
  count = var.create_lb ? length(var.https_listener_rules) : 0

  listener_arn = aws_lb_listener.frontend_https[try(var.https_listener_rules[count.index].https_listener_index, count.index)].arn

  dynamic "action" {
    for_each = [for it in var.https_listener_rules[count.index].actions : it if it.type == "forward"]
    content {
      type             = "forward"
      target_group_arn = aws_lb_target_group.main[try(action.value.target_group_index, count.index)].id
    }
  }
}

output "lb_id" { value = try(aws_lb.this[0].id, "") }
output "lb_arn" { value = try(aws_lb.this[0].arn, "") }
output "lb_dns_name" { value = try(aws_lb.this[0].dns_name, "") }
output "http_tcp_listener_arns" { value = aws_lb_listener.frontend_http_tcp[*].arn }
output "https_listener_arns" { value = aws_lb_listener.frontend_https[*].arn }
output "target_group_arns" { value = aws_lb_target_group.main[*].arn }
output "target_group_names" { value = aws_lb_target_group.main[*].name }
