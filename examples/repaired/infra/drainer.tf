# Drains a node when its group wants to terminate it, then lets the lifecycle action go on.

resource "aws_iam_role" "drainer" {
  name = "${var.cluster_name}-node-drainer"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "drainer" {
  name = "drain"
  role = aws_iam_role.drainer.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["autoscaling:CompleteLifecycleAction", "ec2:DescribeInstances", "eks:DescribeCluster"]
        Resource = "*"
      },
      {
        Effect   = "Allow"
        Action   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "arn:aws:logs:*:*:*"
      },
    ]
  })
}

resource "aws_lambda_function" "drainer" {
  function_name = "${var.cluster_name}-node-drainer"
  role          = aws_iam_role.drainer.arn
  s3_bucket     = var.artifact_bucket
  s3_key        = "node-drainer/1.4.0.zip"
  runtime       = "python3.8"
  handler       = "drainer.handle"
  timeout       = 290

  environment {
    variables = {
      CLUSTER_NAME = var.cluster_name
    }
  }
}

resource "aws_cloudwatch_event_rule" "terminating" {
  name = "${var.cluster_name}-node-terminating"

  event_pattern = jsonencode({
    source      = ["aws.autoscaling"]
    detail-type = ["EC2 Instance-terminate Lifecycle Action"]
    detail = {
      AutoScalingGroupName = [aws_autoscaling_group.serving.name, aws_autoscaling_group.bulk.name]
    }
  })
}

resource "aws_cloudwatch_event_target" "drainer" {
  rule = aws_cloudwatch_event_rule.terminating.name
  arn  = aws_lambda_function.drainer.arn
}

resource "aws_lambda_permission" "drainer" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.drainer.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.terminating.arn
}
