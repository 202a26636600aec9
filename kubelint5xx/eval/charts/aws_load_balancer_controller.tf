# aws-load-balancer-controller 1 and later: the class that its Ingresses name, and the parameters of that class.
variable "release" {}
variable "namespace" {}
variable "major" {}
variable "minor" {}
variable "values" {
  default = {
    ingressClass               = "alb"
    createIngressClassResource = true
    ingressClassParams         = { create = true, spec = {} }
    ingressClassConfig         = { default = false }
    defaultTargetType          = "instance"
    replicaCount               = 2
    image                      = { repository = "public.ecr.aws/eks/aws-load-balancer-controller" }
    podLabels                  = {}
    podAnnotations             = {}
    terminationGracePeriodSeconds = 10
  }
}

locals {
  name     = try(coalesce(var.values.nameOverride), "aws-load-balancer-controller")
  joined   = replace(var.release, local.name, "") != var.release ? var.release : "${var.release}-${local.name}"
  fullname = try(coalesce(var.values.fullnameOverride), local.joined)
  named    = try(coalesce(var.values.ingressClassParams.name), "") != ""
  params   = try(coalesce(var.values.ingressClassParams.name), coalesce(var.values.ingressClass))
  labels = {
    "app.kubernetes.io/name"     = local.name
    "app.kubernetes.io/instance" = var.release
  }
}

resource "kubernetes_manifest" "the_IngressClass" {
  count = var.values.createIngressClassResource ? 1 : 0

  manifest = {
    apiVersion = "networking.k8s.io/v1"
    kind       = "IngressClass"
    metadata = {
      name        = var.values.ingressClass
      annotations = var.values.ingressClassConfig.default ? { "ingressclass.kubernetes.io/is-default-class" = "true" } : {}
    }
    spec = merge(
      { controller = "ingress.k8s.aws/alb" },
      local.named || (var.values.ingressClassParams.create && length(var.values.ingressClassParams.spec) > 0) ? {
        parameters = { apiGroup = "elbv2.k8s.aws", kind = "IngressClassParams", name = local.params }
      } : {},
    )
  }
}

resource "kubernetes_manifest" "the_IngressClassParams" {
  count = var.values.createIngressClassResource && var.values.ingressClassParams.create ? 1 : 0

  manifest = {
    apiVersion = "elbv2.k8s.aws/v1beta1"
    kind       = "IngressClassParams"
    metadata   = { name = local.params }
    spec       = var.values.ingressClassParams.spec
  }
}

resource "kubernetes_manifest" "the_Deployment" {
  manifest = {
    apiVersion = "apps/v1"
    kind       = "Deployment"
    metadata   = { name = local.fullname, namespace = var.namespace }
    spec = {
      replicas = var.values.replicaCount
      selector = { matchLabels = local.labels }
      template = {
        metadata = { labels = merge(local.labels, var.values.podLabels), annotations = var.values.podAnnotations }
        spec = {
          terminationGracePeriodSeconds = var.values.terminationGracePeriodSeconds
          containers = [{
            name  = "aws-load-balancer-controller"
            image = try("${var.values.image.repository}:${coalesce(var.values.image.tag)}", var.values.image.repository)
            args  = ["--ingress-class=${var.values.ingressClass}", "--default-target-type", var.values.defaultTargetType]
          }]
        }
      }
    }
  }
}
