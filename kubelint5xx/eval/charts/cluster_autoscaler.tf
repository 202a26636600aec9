# cluster-autoscaler 9: its flags.
variable "release" {}
variable "namespace" {}
variable "major" {}
variable "minor" {}
variable "values" {
  default = {
    autoDiscovery     = {}
    autoscalingGroups = []
    replicaCount      = 1
    image             = { repository = "registry.k8s.io/autoscaling/cluster-autoscaler" }
    extraArgs         = {}
    podLabels         = {}
  }
}

locals {
  name     = try(coalesce(var.values.nameOverride), "cluster-autoscaler")
  joined   = replace(var.release, local.name, "") != var.release ? var.release : "${var.release}-${local.name}"
  fullname = try(coalesce(var.values.fullnameOverride), local.joined)
  labels = {
    "app.kubernetes.io/name"     = local.name
    "app.kubernetes.io/instance" = var.release
  }
  discovers = try(coalesce(var.values.autoDiscovery.clusterName), "") != "" || length(var.values.autoscalingGroups) > 0
  others    = try(coalesce(var.values.autoDiscovery.namespace), "") != "" || try(length(var.values.autoDiscovery.labels), 0) > 0
}

resource "kubernetes_manifest" "the_Deployment" {
  count = local.discovers || local.others ? 1 : 0

  manifest = {
    apiVersion = "apps/v1"
    kind       = "Deployment"
    metadata   = { name = local.fullname, namespace = var.namespace }
    spec = {
      replicas = var.values.replicaCount
      selector = { matchLabels = local.labels }
      template = {
        metadata = { labels = merge(local.labels, var.values.podLabels) }
        spec = {
          containers = [{
            name  = local.name
            image = try("${var.values.image.repository}:${coalesce(var.values.image.tag)}", var.values.image.repository)
            command = concat(
              ["./cluster-autoscaler"],
              # What follows an underscore only tells keys of one flag apart.
              flatten([for flag, value in var.values.extraArgs : try(coalesce(tostring(value)), "") == "" ? ["--${split("_", flag)[0]}"] : ["--${split("_", flag)[0]}", value]]),
            )
          }]
        }
      }
    }
  }
}
