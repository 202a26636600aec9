# ingress-nginx 4, from charts/ingress-nginx of kubernetes/ingress-nginx.
variable "release" {}
variable "namespace" {}
variable "major" {}
variable "minor" {}
variable "values" {
  default = {
    controller = {
      name          = "controller"
      containerName = "controller"
      kind          = "Deployment"
      image = {
        registry = "registry.k8s.io"
        image    = "ingress-nginx/controller"
        chroot   = false
      }
      containerPort = { http = 80, https = 443 }
      config        = {}
      hostNetwork   = false
      hostPort = {
        enabled = false
        ports   = { http = 80, https = 443 }
      }
      ingressClass = "nginx"
      ingressClassResource = {
        name            = "nginx"
        enabled         = true
        default         = false
        controllerValue = "k8s.io/ingress-nginx"
      }
      extraArgs                     = {}
      podAnnotations                = {}
      podLabels                     = {}
      minReadySeconds               = 0
      terminationGracePeriodSeconds = 300
      readinessProbe = {
        httpGet             = { path = "/healthz", port = 10254, scheme = "HTTP" }
        initialDelaySeconds = 10
        periodSeconds       = 10
        timeoutSeconds      = 1
        successThreshold    = 1
        failureThreshold    = 3
      }
      replicaCount = 1
      minAvailable = 1
      autoscaling = {
        enabled     = false
        minReplicas = 1
        maxReplicas = 11
      }
      service = {
        enabled     = true
        annotations = {}
        enableHttp  = true
        enableHttps = true
        appProtocol = true
        ports       = { http = 80, https = 443 }
        targetPorts = { http = "http", https = "https" }
        type        = "LoadBalancer"
        nodePorts   = { http = "", https = "" }
        external    = { enabled = true }
        internal = {
          enabled     = false
          annotations = {}
        }
      }
      extraContainers       = []
      shareProcessNamespace = false
      lifecycle             = { preStop = { exec = { command = ["/wait-shutdown"] } } }
    }
  }
}

locals {
  controller = var.values.controller
  service    = var.values.controller.service
  name       = try(coalesce(var.values.nameOverride), "ingress-nginx")
  joined     = replace(var.release, local.name, "") != var.release ? var.release : "${var.release}-${local.name}"
  fullname   = try(coalesce(var.values.fullnameOverride), local.joined)
  called     = "${local.fullname}-${local.controller.name}"
  namespace  = try(coalesce(var.values.namespaceOverride), var.namespace)
  labels = {
    "app.kubernetes.io/name"      = local.name
    "app.kubernetes.io/instance"  = var.release
    "app.kubernetes.io/component" = "controller"
  }
  repository = "${local.controller.image.registry}/${local.controller.image.image}${local.controller.image.chroot ? "-chroot" : ""}"
  image      = try(coalesce(local.controller.image.repository), local.repository)
  argument_pairs = [
    for key, value in local.controller.extraArgs : try(coalesce(tostring(value)), "") == "" ? ["--${key}"] : ["--${key}", value]
  ]
  pod = {
    metadata = {
      annotations = local.controller.podAnnotations
      labels      = merge(local.labels, local.controller.podLabels)
    }
    spec = {
      terminationGracePeriodSeconds = local.controller.terminationGracePeriodSeconds
      hostNetwork                   = local.controller.hostNetwork
      shareProcessNamespace         = local.controller.shareProcessNamespace
      containers = concat([merge(
        {
          name  = local.controller.containerName
          image = try("${local.image}:${coalesce(local.controller.image.tag)}", local.image)
          args = concat(
            ["/nginx-ingress-controller", "--configmap=$(POD_NAMESPACE)/${local.called}"],
            flatten(local.argument_pairs),
          )
          readinessProbe = local.controller.readinessProbe
          ports = [
            for name, number in local.controller.containerPort : merge(
              { name = name, containerPort = number, protocol = "TCP" },
              local.controller.hostPort.enabled ? { hostPort = try(local.controller.hostPort.ports[name], number) } : {},
            )
          ]
        },
        try({ lifecycle = local.controller.lifecycle }, {}),
      )], local.controller.extraContainers)
    }
  }
  workload = merge(
    {
      selector        = { matchLabels = local.labels }
      minReadySeconds = local.controller.minReadySeconds
      template        = local.pod
    },
    try({ strategy = local.controller.updateStrategy }, {}),
  )
  listeners = concat(local.service.enableHttp ? ["http"] : [], local.service.enableHttps ? ["https"] : [])
  ports = [
    for name in local.listeners : merge(
      { name = name, port = local.service.ports[name], protocol = "TCP", targetPort = local.service.targetPorts[name] },
      local.service.appProtocol ? { appProtocol = name } : {},
      try({ nodePort = coalesce(local.service.nodePorts[name]) }, {}),
    )
  ]
  internal = local.service.internal
  internal_ports = [
    for name in local.listeners : merge(
      { name = name, port = try(coalesce(local.internal.ports[name]), local.service.ports[name]), protocol = "TCP" },
      { targetPort = try(coalesce(local.internal.targetPorts[name]), local.service.targetPorts[name]) },
      try(local.internal.appProtocol, local.service.appProtocol) ? { appProtocol = name } : {},
      try({ nodePort = coalesce(local.internal.nodePorts[name]) }, {}),
    )
  ]
  least = local.controller.autoscaling.enabled ? local.controller.autoscaling.minReplicas : local.controller.replicaCount
}

resource "kubernetes_manifest" "the_IngressClass" {
  count = local.controller.ingressClassResource.enabled ? 1 : 0

  manifest = {
    apiVersion = "networking.k8s.io/v1"
    kind       = "IngressClass"
    metadata = {
      name        = local.controller.ingressClassResource.name
      annotations = local.controller.ingressClassResource.default ? { "ingressclass.kubernetes.io/is-default-class" = "true" } : {}
    }
    spec = { controller = local.controller.ingressClassResource.controllerValue }
  }
}

resource "kubernetes_manifest" "the_ConfigMap" {
  manifest = {
    apiVersion = "v1"
    kind       = "ConfigMap"
    metadata   = { name = local.called, namespace = local.namespace }
    data       = local.controller.config
  }
}

resource "kubernetes_manifest" "the_Service" {
  count = local.service.enabled && local.service.external.enabled ? 1 : 0

  manifest = {
    apiVersion = "v1"
    kind       = "Service"
    metadata   = { name = local.called, namespace = local.namespace, annotations = local.service.annotations }
    spec = merge(
      { type = local.service.type, selector = local.labels, ports = local.ports },
      try({ externalTrafficPolicy = coalesce(local.service.externalTrafficPolicy) }, {}),
      try({ loadBalancerClass = coalesce(local.service.loadBalancerClass) }, {}),
    )
  }
}

resource "kubernetes_manifest" "the_internal_Service" {
  # Without annotations the chart makes none.
  count = local.service.enabled && local.service.internal.enabled && length(local.service.internal.annotations) > 0 ? 1 : 0

  manifest = {
    apiVersion = "v1"
    kind       = "Service"
    metadata   = { name = "${local.called}-internal", namespace = local.namespace, annotations = local.service.internal.annotations }
    spec = merge(
      { type = try(coalesce(local.service.internal.type), local.service.type), selector = local.labels, ports = local.internal_ports },
      try({ externalTrafficPolicy = coalesce(local.service.internal.externalTrafficPolicy) }, {}),
      try({ loadBalancerClass = coalesce(local.service.internal.loadBalancerClass) }, {}),
    )
  }
}

resource "kubernetes_manifest" "the_Deployment" {
  count = local.controller.kind != "DaemonSet" ? 1 : 0

  manifest = {
    apiVersion = "apps/v1"
    kind       = "Deployment"
    metadata   = { name = local.called, namespace = local.namespace, labels = local.labels }
    spec       = merge(local.workload, local.controller.autoscaling.enabled ? {} : { replicas = local.controller.replicaCount })
  }
}

resource "kubernetes_manifest" "the_DaemonSet" {
  count = local.controller.kind != "Deployment" ? 1 : 0

  manifest = {
    apiVersion = "apps/v1"
    kind       = "DaemonSet"
    metadata   = { name = local.called, namespace = local.namespace, labels = local.labels }
    spec       = local.workload
  }
}

resource "kubernetes_manifest" "the_HorizontalPodAutoscaler" {
  count = local.controller.autoscaling.enabled && local.controller.kind != "DaemonSet" ? 1 : 0

  manifest = {
    apiVersion = "autoscaling/v2"
    kind       = "HorizontalPodAutoscaler"
    metadata   = { name = local.called, namespace = local.namespace }
    spec = {
      scaleTargetRef = { apiVersion = "apps/v1", kind = "Deployment", name = local.called }
      minReplicas    = local.controller.autoscaling.minReplicas
      maxReplicas    = local.controller.autoscaling.maxReplicas
    }
  }
}

resource "kubernetes_manifest" "the_PodDisruptionBudget" {
  count = local.least > 1 ? 1 : 0

  manifest = {
    apiVersion = "policy/v1"
    kind       = "PodDisruptionBudget"
    metadata   = { name = local.called, namespace = local.namespace }
    spec = merge(
      { selector = { matchLabels = local.labels } },
      try({ maxUnavailable = coalesce(local.controller.maxUnavailable) }, { minAvailable = local.controller.minAvailable }),
    )
  }
}
