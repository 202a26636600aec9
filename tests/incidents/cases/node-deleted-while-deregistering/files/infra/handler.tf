resource "aws_sqs_queue" "interruptions" {
  name                      = "transit-interruptions"
  message_retention_seconds = 300
}

resource "aws_cloudwatch_event_rule" "spot_interruption" {
  name          = "transit-spot-interruption"
  event_pattern = jsonencode({ source = ["aws.ec2"], detail-type = ["EC2 Spot Instance Interruption Warning"] })
}

resource "aws_cloudwatch_event_target" "spot_interruption" {
  rule = aws_cloudwatch_event_rule.spot_interruption.name
  arn  = aws_sqs_queue.interruptions.arn
}

resource "helm_release" "handler" {
  name       = "aws-node-termination-handler"
  namespace  = "kube-system"
  repository = "https://aws.github.io/eks-charts"
  chart      = "aws-node-termination-handler"
  version    = "0.13.3"

  set {
    name  = "enableSqsTerminationDraining"
    value = "true"
  }

  set {
    name  = "queueURL"
    value = aws_sqs_queue.interruptions.url
  }

  set {
    name  = "excludeFromLoadBalancers"
    value = "true"
  }
}
