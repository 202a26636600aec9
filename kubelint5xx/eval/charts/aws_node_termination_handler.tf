# aws-node-termination-handler 0: a Deployment that reads a queue, or a DaemonSet that asks each node's metadata.
variable "release" {}
variable "namespace" {}
variable "major" {}
variable "minor" {}
variable "values" {
  default = {
    enableSqsTerminationDraining = false
    excludeFromLoadBalancers     = false
    replicas                     = 1
    image                        = { repository = "public.ecr.aws/aws-ec2/aws-node-termination-handler" }
    podLabels                    = {}
  }
}

locals {
  name     = try(coalesce(var.values.nameOverride), "aws-node-termination-handler")
  joined   = replace(var.release, local.name, "") != var.release ? var.release : "${var.release}-${local.name}"
  fullname = try(coalesce(var.values.fullnameOverride), local.joined)
  labels = {
    "app.kubernetes.io/name"     = local.name
    "app.kubernetes.io/instance" = var.release
  }
  workload = {
    selector = { matchLabels = local.labels }
    template = {
      metadata = { labels = merge(local.labels, var.values.podLabels) }
      spec = {
        containers = [{
          name  = local.name
          image = try("${var.values.image.repository}:${coalesce(var.values.image.tag)}", var.values.image.repository)
          env = concat(
            [
              { name = "ENABLE_SQS_TERMINATION_DRAINING", value = var.values.enableSqsTerminationDraining },
              { name = "EXCLUDE_FROM_LOAD_BALANCERS", value = var.values.excludeFromLoadBalancers },
            ],
            # Handlers before 1.25, of the chart 0.27, have no heartbeat.
            var.minor >= 27 ? try([{ name = "HEARTBEAT_INTERVAL", value = coalesce(var.values.heartbeatInterval) }], []) : [],
          )
        }]
      }
    }
  }
}

resource "kubernetes_manifest" "the_Deployment" {
  count = var.values.enableSqsTerminationDraining ? 1 : 0

  manifest = {
    apiVersion = "apps/v1"
    kind       = "Deployment"
    metadata   = { name = local.fullname, namespace = var.namespace }
    spec       = merge(local.workload, { replicas = var.values.replicas })
  }
}

resource "kubernetes_manifest" "the_DaemonSet" {
  count = var.values.enableSqsTerminationDraining ? 0 : 1

  manifest = {
    apiVersion = "apps/v1"
    kind       = "DaemonSet"
    metadata   = { name = local.fullname, namespace = var.namespace }
    spec       = local.workload
  }
}
