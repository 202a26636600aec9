# Serving nodes: always there, and the only ones that the load balancer sends to.

resource "aws_eks_node_group" "serving" {
  cluster_name    = aws_eks_cluster.main.name
  node_group_name = "serving"
  node_role_arn   = var.node_role_arn
  subnet_ids      = var.subnet_ids
  instance_types  = ["m7g.large"]

  scaling_config {
    min_size     = 3
    max_size     = 9
    desired_size = 3
  }
}

# Workers: spot instances for pods that may be interrupted, those of the API among them.

data "aws_ssm_parameter" "worker_ami" {
  name = "/aws/service/eks/optimized-ami/${aws_eks_cluster.main.version}/amazon-linux-2023/x86_64/standard/recommended/image_id"
}

resource "aws_launch_template" "workers" {
  name_prefix            = "${var.cluster_name}-workers-"
  image_id               = data.aws_ssm_parameter.worker_ami.value
  vpc_security_group_ids = [var.node_security_group_id]

  iam_instance_profile {
    name = var.node_instance_profile
  }

  user_data = base64encode(<<-EOT
    MIME-Version: 1.0
    Content-Type: multipart/mixed; boundary="BOUNDARY"

    --BOUNDARY
    Content-Type: application/node.eks.aws

    apiVersion: node.eks.aws/v1alpha1
    kind: NodeConfig
    spec:
      cluster:
        name: ${aws_eks_cluster.main.name}
        apiServerEndpoint: ${aws_eks_cluster.main.endpoint}
        certificateAuthority: ${aws_eks_cluster.main.certificate_authority[0].data}
        cidr: ${aws_eks_cluster.main.kubernetes_network_config[0].service_ipv4_cidr}
      kubelet:
        flags:
          - --node-labels=pool=workers,node.kubernetes.io/exclude-from-external-load-balancers=true

    --BOUNDARY--
  EOT
  )
}

resource "aws_autoscaling_group" "workers" {
  name                = "${var.cluster_name}-workers"
  vpc_zone_identifier = var.subnet_ids
  min_size            = 3
  max_size            = 30
  capacity_rebalance  = true

  mixed_instances_policy {
    instances_distribution {
      on_demand_percentage_above_base_capacity = 0
      spot_allocation_strategy                 = "price-capacity-optimized"
    }

    launch_template {
      launch_template_specification {
        launch_template_id = aws_launch_template.workers.id
        version            = "$Latest"
      }

      override {
        instance_type = "m7i.large"
      }

      override {
        instance_type = "m6i.large"
      }
    }
  }

  tag {
    key                 = "kubernetes.io/cluster/${var.cluster_name}"
    value               = "owned"
    propagate_at_launch = true
  }

  tag {
    key                 = "aws-node-termination-handler/managed"
    value               = "true"
    propagate_at_launch = true
  }
}

resource "aws_autoscaling_lifecycle_hook" "workers_drain" {
  name                   = "drain"
  autoscaling_group_name = aws_autoscaling_group.workers.name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_TERMINATING"
  heartbeat_timeout      = 360
  default_result         = "CONTINUE"
}
