data "aws_ssm_parameter" "node_ami" {
  name = "/aws/service/eks/optimized-ami/${aws_eks_cluster.main.version}/amazon-linux-2/recommended/image_id"
}

resource "aws_iam_role" "nodes" {
  name = "${var.cluster_name}-nodes"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "nodes" {
  for_each = toset([
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKS_CNI_Policy",
    "AmazonEC2ContainerRegistryReadOnly",
  ])

  role       = aws_iam_role.nodes.name
  policy_arn = "arn:aws:iam::aws:policy/${each.value}"
}

resource "aws_iam_instance_profile" "nodes" {
  name = "${var.cluster_name}-nodes"
  role = aws_iam_role.nodes.name
}

# Serving nodes: the APIs and everything that users wait for.

resource "aws_launch_template" "serving" {
  name_prefix            = "${var.cluster_name}-serving-"
  image_id               = data.aws_ssm_parameter.node_ami.value
  instance_type          = "m5.2xlarge"
  vpc_security_group_ids = [aws_security_group.nodes.id]

  iam_instance_profile {
    name = aws_iam_instance_profile.nodes.name
  }

  user_data = base64encode(<<-EOT
    #!/bin/bash
    set -euo pipefail
    # kube-proxy before 1.15 lets packets through that conntrack calls invalid (kubernetes#74839).
    modprobe nf_conntrack
    sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=1
    /etc/eks/bootstrap.sh ${var.cluster_name} --kubelet-extra-args '--node-labels=harborlane.io/pool=serving'
  EOT
  )
}

resource "aws_autoscaling_group" "serving" {
  name                = "${var.cluster_name}-serving"
  vpc_zone_identifier = var.private_subnet_ids
  min_size            = 6
  max_size            = 18
  desired_capacity    = 6

  launch_template {
    id      = aws_launch_template.serving.id
    version = "$Latest"
  }

  tag {
    key                 = "Name"
    value               = "${var.cluster_name}-serving"
    propagate_at_launch = true
  }

  tag {
    key                 = "kubernetes.io/cluster/${var.cluster_name}"
    value               = "owned"
    propagate_at_launch = true
  }
}

resource "aws_autoscaling_lifecycle_hook" "serving_drain" {
  name                   = "drain"
  autoscaling_group_name = aws_autoscaling_group.serving.name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_TERMINATING"
  heartbeat_timeout      = 300
  default_result         = "CONTINUE"
}

# Bulk nodes: the nightly import of supplier feeds. Gone during the day.

resource "aws_launch_template" "bulk" {
  name_prefix            = "${var.cluster_name}-bulk-"
  image_id               = data.aws_ssm_parameter.node_ami.value
  instance_type          = "c5.4xlarge"
  vpc_security_group_ids = [aws_security_group.nodes.id]

  iam_instance_profile {
    name = aws_iam_instance_profile.nodes.name
  }

  user_data = base64encode(<<-EOT
    #!/bin/bash
    set -euo pipefail
    # kube-proxy before 1.15 lets packets through that conntrack calls invalid (kubernetes#74839).
    modprobe nf_conntrack
    sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=1
    /etc/eks/bootstrap.sh ${var.cluster_name} --kubelet-extra-args '--node-labels=harborlane.io/pool=bulk,node.kubernetes.io/exclude-from-external-load-balancers=true --register-with-taints=harborlane.io/pool=bulk:NoSchedule'
  EOT
  )
}

resource "aws_autoscaling_group" "bulk" {
  name                = "${var.cluster_name}-bulk"
  vpc_zone_identifier = var.private_subnet_ids
  min_size            = 0
  max_size            = 40
  desired_capacity    = 0

  launch_template {
    id      = aws_launch_template.bulk.id
    version = "$Latest"
  }

  tag {
    key                 = "Name"
    value               = "${var.cluster_name}-bulk"
    propagate_at_launch = true
  }

  tag {
    key                 = "kubernetes.io/cluster/${var.cluster_name}"
    value               = "owned"
    propagate_at_launch = true
  }

  lifecycle {
    ignore_changes = [desired_capacity]
  }
}

resource "aws_autoscaling_lifecycle_hook" "bulk_drain" {
  name                   = "drain"
  autoscaling_group_name = aws_autoscaling_group.bulk.name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_TERMINATING"
  heartbeat_timeout      = 300
  default_result         = "CONTINUE"
}

resource "aws_autoscaling_schedule" "bulk_start" {
  scheduled_action_name  = "start"
  autoscaling_group_name = aws_autoscaling_group.bulk.name
  recurrence             = "0 1 * * *"
  min_size               = 0
  max_size               = 40
  desired_capacity       = 24
}

resource "aws_autoscaling_schedule" "bulk_stop" {
  scheduled_action_name  = "stop"
  autoscaling_group_name = aws_autoscaling_group.bulk.name
  recurrence             = "30 6 * * *"
  min_size               = 0
  max_size               = 40
  desired_capacity       = 0
}
