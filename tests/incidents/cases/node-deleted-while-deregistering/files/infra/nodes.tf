resource "aws_eks_cluster" "transit" {
  name     = "transit"
  role_arn = var.cluster_role_arn
  version  = "1.20"

  vpc_config {
    subnet_ids = var.subnet_ids
  }
}

resource "aws_launch_template" "general" {
  name_prefix   = "transit-general-"
  image_id      = var.node_image
  instance_type = "m5.xlarge"

  user_data = base64encode("#!/bin/bash\n/etc/eks/bootstrap.sh transit\n")
}

resource "aws_autoscaling_group" "general" {
  name                = "transit-general"
  vpc_zone_identifier = var.subnet_ids
  min_size            = 4
  max_size            = 20

  mixed_instances_policy {
    instances_distribution {
      on_demand_percentage_above_base_capacity = 0
    }

    launch_template {
      launch_template_specification {
        launch_template_id = aws_launch_template.general.id
        version            = "$Latest"
      }
    }
  }

  tag {
    key                 = "kubernetes.io/cluster/transit"
    value               = "owned"
    propagate_at_launch = true
  }
}

variable "cluster_role_arn" {
  type = string
}

variable "node_image" {
  type = string
}

variable "subnet_ids" {
  type = list(string)
}
