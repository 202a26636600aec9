resource "aws_lb" "links" {
  name               = "links"
  load_balancer_type = "application"
  subnets            = var.public_subnets
  security_groups    = [var.edge_security_group]
}

resource "aws_lb_target_group" "links" {
  name                 = "links"
  vpc_id               = var.vpc_id
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = 8080
  deregistration_delay = 30

  health_check {
    path = "/healthz"
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.links.arn
  port              = 443
  protocol          = "HTTPS"
  certificate_arn   = var.certificate

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.links.arn
  }
}

variable "public_subnets" { type = list(string) }
variable "edge_security_group" { type = string }
variable "vpc_id" { type = string }
variable "certificate" { type = string }
