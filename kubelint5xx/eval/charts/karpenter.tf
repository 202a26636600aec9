# karpenter 1: the queue from which it hears of interruptions.
variable "release" {}
variable "namespace" {}
variable "major" {}
variable "minor" {}
variable "values" {
  default = {
    replicas   = 2
    settings   = { interruptionQueue = "" }
    controller = { image = { repository = "public.ecr.aws/karpenter/controller" }, env = [] }
    podLabels  = {}
  }
}

locals {
  name     = try(coalesce(var.values.nameOverride), "karpenter")
  joined   = replace(var.release, local.name, "") != var.release ? var.release : "${var.release}-${local.name}"
  fullname = try(coalesce(var.values.fullnameOverride), local.joined)
  labels = {
    "app.kubernetes.io/name"     = local.name
    "app.kubernetes.io/instance" = var.release
  }
}

resource "kubernetes_manifest" "the_Deployment" {
  manifest = {
    apiVersion = "apps/v1"
    kind       = "Deployment"
    metadata   = { name = local.fullname, namespace = var.namespace }
    spec = {
      replicas = var.values.replicas
      selector = { matchLabels = local.labels }
      template = {
        metadata = { labels = merge(local.labels, var.values.podLabels) }
        spec = {
          containers = [{
            name  = "controller"
            image = try("${var.values.controller.image.repository}:${coalesce(var.values.controller.image.tag)}", var.values.controller.image.repository)
            env = concat(
              try([{ name = "INTERRUPTION_QUEUE", value = coalesce(var.values.settings.interruptionQueue) }], []),
              var.values.controller.env,
            )
          }]
        }
      }
    }
  }
}
