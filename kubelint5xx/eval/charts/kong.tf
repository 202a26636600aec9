# kong 2, from charts/kong of Kong/charts.
variable "release" {}
variable "namespace" {}
variable "major" {}
variable "minor" {}
variable "how_often_it_probes" {}
variable "values" {
  default = {
    deployment = { kong = { enabled = true }, daemonset = false, hostNetwork = false }
    env        = { database = "off" }
    image      = { repository = "kong" }
    proxy = {
      enabled     = true
      type        = "LoadBalancer"
      annotations = {}
      http        = { enabled = true, servicePort = 80, containerPort = 8000 }
      tls         = { enabled = true, servicePort = 443, containerPort = 8443 }
    }
    status            = { enabled = true, http = { enabled = true, containerPort = 8100 } }
    ingressController = { enabled = true, ingressClass = "kong" }
    readinessProbe = {
      httpGet          = { path = "/status/ready", port = "status", scheme = "HTTP" }
      timeoutSeconds   = 5
      successThreshold = 1
      failureThreshold = 3
    }
    lifecycle                     = { preStop = { exec = { command = ["kong", "quit", "--wait=15"] } } }
    terminationGracePeriodSeconds = 30
    podAnnotations                = {}
    podLabels                     = {}
    replicaCount                  = 1
    autoscaling                   = { enabled = false }
    podDisruptionBudget           = { enabled = false }
  }
}

locals {
  name      = try(coalesce(var.values.nameOverride), "kong")
  fullname  = try(coalesce(var.values.fullnameOverride), "${var.release}-${local.name}")
  namespace = try(coalesce(var.values.namespace), var.namespace)
  class     = var.values.ingressController.ingressClass
  least     = var.values.autoscaling.enabled ? try(var.values.autoscaling.minReplicas, 2) : var.values.replicaCount
  # What it was before 2.46 is not known.
  often = {
    initialDelaySeconds = var.minor >= 46 ? 1 : var.how_often_it_probes
    periodSeconds       = var.minor >= 46 ? 1 : var.how_often_it_probes
  }
  labels = {
    "app.kubernetes.io/name"      = local.name
    "app.kubernetes.io/instance"  = var.release
    "app.kubernetes.io/component" = "app"
  }
  listeners = concat(
    var.values.proxy.http.enabled ? [{ name = "proxy", containerPort = var.values.proxy.http.containerPort, protocol = "TCP" }] : [],
    var.values.proxy.tls.enabled ? [{ name = "proxy-tls", containerPort = var.values.proxy.tls.containerPort, protocol = "TCP" }] : [],
    [{ name = "status", containerPort = var.values.status.http.containerPort, protocol = "TCP" }],
  )
  workload = {
    selector = { matchLabels = local.labels }
    template = {
      metadata = {
        annotations = var.values.podAnnotations
        labels      = merge(local.labels, var.values.podLabels)
      }
      spec = {
        terminationGracePeriodSeconds = var.values.terminationGracePeriodSeconds
        hostNetwork                   = var.values.deployment.hostNetwork
        containers = [merge(
          {
            name  = "proxy"
            image = try("${var.values.image.repository}:${coalesce(var.values.image.tag)}", var.values.image.repository)
            env = [
              for name, value in var.values.env :
              try({ name = "KONG_${upper(name)}", valueFrom = value.valueFrom }, { name = "KONG_${upper(name)}", value = value })
            ]
            readinessProbe = merge(local.often, var.values.readinessProbe)
            ports          = local.listeners
          },
          try({ lifecycle = var.values.lifecycle }, {}),
        )]
      }
    }
  }
}

resource "kubernetes_manifest" "the_IngressClass" {
  count = var.values.ingressController.enabled && try(var.values.ingressController.createIngressClass, true) ? 1 : 0

  manifest = {
    apiVersion = "networking.k8s.io/v1"
    kind       = "IngressClass"
    metadata   = { name = local.class }
    spec       = { controller = "ingress-controllers.konghq.com/kong" }
  }
}

resource "kubernetes_manifest" "the_Service" {
  count = var.values.proxy.enabled && var.values.deployment.kong.enabled ? 1 : 0

  manifest = {
    apiVersion = "v1"
    kind       = "Service"
    metadata   = { name = try(coalesce(var.values.proxy.nameOverride), "${local.fullname}-proxy"), namespace = local.namespace, annotations = var.values.proxy.annotations }
    spec = merge(
      {
        type     = var.values.proxy.type
        selector = local.labels
        ports = concat(
          var.values.proxy.http.enabled ? [merge(
            { name = "kong-proxy", port = var.values.proxy.http.servicePort, targetPort = var.values.proxy.http.containerPort, protocol = "TCP" },
            try({ nodePort = coalesce(var.values.proxy.http.nodePort) }, {}),
          )] : [],
          var.values.proxy.tls.enabled ? [merge(
            { name = "kong-proxy-tls", port = var.values.proxy.tls.servicePort, protocol = "TCP" },
            { targetPort = try(coalesce(var.values.proxy.tls.overrideServiceTargetPort), var.values.proxy.tls.containerPort) },
            try({ nodePort = coalesce(var.values.proxy.tls.nodePort) }, {}),
          )] : [],
        )
      },
      try({ externalTrafficPolicy = coalesce(var.values.proxy.externalTrafficPolicy) }, {}),
      try({ loadBalancerClass = coalesce(var.values.proxy.loadBalancerClass) }, {}),
    )
  }
}

resource "kubernetes_manifest" "the_Deployment" {
  count = var.values.deployment.kong.enabled && !var.values.deployment.daemonset ? 1 : 0

  manifest = {
    apiVersion = "apps/v1"
    kind       = "Deployment"
    metadata   = { name = local.fullname, namespace = local.namespace }
    spec = merge(
      local.workload,
      var.values.autoscaling.enabled ? {} : { replicas = var.values.replicaCount },
      try({ minReadySeconds = coalesce(var.values.deployment.minReadySeconds) }, {}),
      try({ strategy = var.values.updateStrategy }, {}),
    )
  }
}

resource "kubernetes_manifest" "the_DaemonSet" {
  count = var.values.deployment.kong.enabled && var.values.deployment.daemonset ? 1 : 0

  manifest = {
    apiVersion = "apps/v1"
    kind       = "DaemonSet"
    metadata   = { name = local.fullname, namespace = local.namespace }
    spec       = local.workload
  }
}

resource "kubernetes_manifest" "the_PodDisruptionBudget" {
  # There is none for one pod.
  count = var.values.podDisruptionBudget.enabled && local.least > 1 ? 1 : 0

  manifest = {
    apiVersion = "policy/v1"
    kind       = "PodDisruptionBudget"
    metadata   = { name = local.fullname, namespace = local.namespace }
    spec = merge(
      { selector = { matchLabels = local.labels } },
      try({ maxUnavailable = coalesce(tostring(var.values.podDisruptionBudget.maxUnavailable)) }, {}),
      try({ minAvailable = coalesce(tostring(var.values.podDisruptionBudget.minAvailable)) }, {}),
    )
  }
}
