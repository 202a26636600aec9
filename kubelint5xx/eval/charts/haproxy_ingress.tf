# haproxy-ingress 0.13 to 0.15, from haproxy-ingress of haproxy-ingress/charts.
variable "release" {}
variable "namespace" {}
variable "major" {}
variable "minor" {}
variable "the_patch" {}
variable "values" {
  default = {
    controller = {
      image                = { repository = "quay.io/jcmoraisjr/haproxy-ingress" }
      extraArgs            = {}
      extraContainers      = []
      ingressClass         = "haproxy"
      ingressClassResource = { enabled = false, default = false }
      readinessProbe = {
        path                = "/healthz"
        port                = 10253
        failureThreshold    = 3
        initialDelaySeconds = 10
        periodSeconds       = 10
        successThreshold    = 1
        timeoutSeconds      = 1
      }
      podAnnotations                = {}
      podLabels                     = {}
      config                        = {}
      hostNetwork                   = false
      terminationGracePeriodSeconds = 60
      kind                          = "Deployment"
      containerPorts                = { http = 80, https = 443 }
      updateStrategy                = { type = "RollingUpdate", rollingUpdate = { maxUnavailable = 1 } }
      minReadySeconds               = 0
      replicaCount                  = 1
      minAvailable                  = 1
      autoscaling                   = { enabled = false }
      service = {
        enabled               = true
        annotations           = {}
        httpPorts             = [{ port = 80, targetPort = "http" }]
        httpsPorts            = [{ port = 443, targetPort = "https" }]
        externalTrafficPolicy = "Local"
        type                  = "LoadBalancer"
      }
      haproxy = { enabled = false }
    }
  }
}

locals {
  controller = var.values.controller
  service    = var.values.controller.service
  name       = try(coalesce(var.values.nameOverride), "haproxy-ingress")
  joined     = replace(var.release, local.name, "") != var.release ? var.release : "${var.release}-${local.name}"
  fullname   = try(coalesce(var.values.fullnameOverride), local.joined)
  limited    = try(local.controller.maxUnavailable, null) != null
  own        = try(coalesce(local.controller.ingressClassResource.controllerClass), "")
  labels = {
    "app.kubernetes.io/name"     = local.name
    "app.kubernetes.io/instance" = var.release
  }
  pod = {
    metadata = {
      annotations = local.controller.podAnnotations
      labels      = merge(local.labels, local.controller.podLabels)
    }
    spec = {
      terminationGracePeriodSeconds = local.controller.terminationGracePeriodSeconds
      hostNetwork                   = local.controller.hostNetwork
      containers = concat([merge(
        {
          name  = "haproxy-ingress"
          image = try("${local.controller.image.repository}:${coalesce(local.controller.image.tag)}", local.controller.image.repository)
          args = concat(
            ["--configmap=${var.namespace}/${local.fullname}", "--ingress-class=${local.controller.ingressClass}"],
            local.own != "" ? ["--controller-class=${local.own}"] : [],
            flatten([for flag, value in local.controller.extraArgs : try(coalesce(tostring(value)), "") == "" ? ["--${flag}"] : ["--${flag}", value]]),
          )
          readinessProbe = {
            httpGet             = { path = local.controller.readinessProbe.path, port = local.controller.readinessProbe.port }
            failureThreshold    = local.controller.readinessProbe.failureThreshold
            initialDelaySeconds = local.controller.readinessProbe.initialDelaySeconds
            periodSeconds       = local.controller.readinessProbe.periodSeconds
            successThreshold    = local.controller.readinessProbe.successThreshold
            timeoutSeconds      = local.controller.readinessProbe.timeoutSeconds
          }
          ports = [for name, number in local.controller.containerPorts : { name = name, containerPort = number, protocol = "TCP" }]
        },
        try({ lifecycle = local.controller.lifecycle }, {}),
      )], local.controller.extraContainers)
    }
  }
  workload = {
    selector        = { matchLabels = local.labels }
    minReadySeconds = local.controller.minReadySeconds
    template        = local.pod
  }
  # With HAProxy in a container of its own, it is that container which requests meet.
  whole = local.controller.haproxy.enabled ? 0 : 1
}

resource "kubernetes_manifest" "the_IngressClass" {
  count = local.controller.ingressClassResource.enabled ? 1 : 0

  manifest = {
    apiVersion = "networking.k8s.io/v1"
    kind       = "IngressClass"
    metadata = {
      name        = local.controller.ingressClass
      annotations = local.controller.ingressClassResource.default ? { "ingressclass.kubernetes.io/is-default-class" = "true" } : {}
    }
    spec = { controller = "haproxy-ingress.github.io/controller${local.own != "" ? "/${local.own}" : ""}" }
  }
}

resource "kubernetes_manifest" "the_ConfigMap" {
  manifest = {
    apiVersion = "v1"
    kind       = "ConfigMap"
    metadata   = { name = local.fullname, namespace = var.namespace }
    data       = local.controller.config
  }
}

resource "kubernetes_manifest" "the_Service" {
  # The first patches of 0.14 do not have this switch.
  count = local.service.enabled ? 1 : var.the_patch

  manifest = {
    apiVersion = "v1"
    kind       = "Service"
    metadata   = { name = local.fullname, namespace = var.namespace, annotations = local.service.annotations }
    spec = merge(
      {
        type     = local.service.type
        selector = local.labels
        ports = concat(
          [for at, port in local.service.httpPorts : merge({ name = "http-${port.port}", port = port.port, targetPort = port.targetPort, protocol = "TCP" }, try({ nodePort = coalesce(port.nodePort) }, {}))],
          [for at, port in local.service.httpsPorts : merge({ name = "https-${port.port}", port = port.port, targetPort = port.targetPort, protocol = "TCP" }, try({ nodePort = coalesce(port.nodePort) }, {}))],
        )
      },
      local.service.type == "ClusterIP" ? {} : try({ externalTrafficPolicy = coalesce(local.service.externalTrafficPolicy) }, {}),
      try({ loadBalancerClass = coalesce(local.service.loadBalancerClass) }, {}),
    )
  }
}

resource "kubernetes_manifest" "the_Deployment" {
  count = local.controller.kind == "Deployment" ? local.whole : 0

  manifest = {
    apiVersion = "apps/v1"
    kind       = "Deployment"
    metadata   = { name = local.fullname, namespace = var.namespace }
    spec = merge(
      local.workload,
      { strategy = local.controller.updateStrategy },
      local.controller.autoscaling.enabled || try(local.controller.autoscaling.useExternalHPA, false) ? {} : { replicas = local.controller.replicaCount },
    )
  }
}

resource "kubernetes_manifest" "the_DaemonSet" {
  count = local.controller.kind == "DaemonSet" ? local.whole : 0

  manifest = {
    apiVersion = "apps/v1"
    kind       = "DaemonSet"
    metadata   = { name = local.fullname, namespace = var.namespace }
    spec       = local.workload
  }
}

resource "kubernetes_manifest" "the_PodDisruptionBudget" {
  count = local.limited || (local.controller.minAvailable > 0 && local.controller.replicaCount > local.controller.minAvailable) ? 1 : 0

  manifest = {
    apiVersion = "policy/v1"
    kind       = "PodDisruptionBudget"
    metadata   = { name = local.fullname, namespace = var.namespace }
    spec = merge(
      { selector = { matchLabels = local.labels } },
      local.limited ? { maxUnavailable = local.controller.maxUnavailable } : { minAvailable = local.controller.minAvailable },
    )
  }
}
