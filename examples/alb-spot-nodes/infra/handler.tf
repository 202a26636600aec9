# Drains a node when its group wants to terminate it, or when EC2 takes a spot instance back.

resource "aws_sqs_queue" "terminations" {
  name                      = "${var.cluster_name}-node-terminations"
  message_retention_seconds = 300
}

data "aws_iam_policy_document" "terminations" {
  statement {
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.terminations.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }
}

resource "aws_sqs_queue_policy" "terminations" {
  queue_url = aws_sqs_queue.terminations.id
  policy    = data.aws_iam_policy_document.terminations.json
}

resource "aws_cloudwatch_event_rule" "terminating" {
  name = "${var.cluster_name}-node-terminating"

  event_pattern = jsonencode({
    source      = ["aws.autoscaling"]
    detail-type = ["EC2 Instance-terminate Lifecycle Action"]
  })
}

resource "aws_cloudwatch_event_target" "terminating" {
  rule = aws_cloudwatch_event_rule.terminating.name
  arn  = aws_sqs_queue.terminations.arn
}

resource "aws_cloudwatch_event_rule" "spot_interruption" {
  name = "${var.cluster_name}-spot-interruption"

  event_pattern = jsonencode({
    source      = ["aws.ec2"]
    detail-type = ["EC2 Spot Instance Interruption Warning"]
  })
}

resource "aws_cloudwatch_event_target" "spot_interruption" {
  rule = aws_cloudwatch_event_rule.spot_interruption.name
  arn  = aws_sqs_queue.terminations.arn
}

resource "helm_release" "termination_handler" {
  name       = "aws-node-termination-handler"
  namespace  = "kube-system"
  repository = "oci://public.ecr.aws/aws-ec2/helm"
  chart      = "aws-node-termination-handler"
  version    = "0.27.0"

  set {
    name  = "enableSqsTerminationDraining"
    value = "true"
  }

  set {
    name  = "queueURL"
    value = aws_sqs_queue.terminations.url
  }

  set {
    name  = "excludeFromLoadBalancers"
    value = "true"
  }

  set {
    name  = "serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn"
    value = var.handler_role_arn
  }
}
