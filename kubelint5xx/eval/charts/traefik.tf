# traefik 25 to 37, from traefik of traefik/traefik-helm-chart: its entry points, what it is told by arguments, its pods.
variable "release" {}
variable "namespace" {}
variable "major" {}
variable "minor" {}
variable "values" {
  default = {
    image = { registry = "docker.io", repository = "traefik" }
    deployment = {
      enabled                       = true
      kind                          = "Deployment"
      replicas                      = 1
      terminationGracePeriodSeconds = 60
      minReadySeconds               = 0
      podAnnotations                = {}
      podLabels                     = {}
      additionalContainers          = []
      shareProcessNamespace         = false
    }
    podDisruptionBudget = { enabled = false }
    ingressClass        = { enabled = true, isDefaultClass = true }
    updateStrategy      = { type = "RollingUpdate", rollingUpdate = { maxUnavailable = 0, maxSurge = 1 } }
    readinessProbe = {
      failureThreshold    = 1
      initialDelaySeconds = 2
      periodSeconds       = 10
      successThreshold    = 1
      timeoutSeconds      = 2
    }
    globalArguments     = []
    additionalArguments = []
    env                 = []
    ports = {
      traefik   = { expose = { default = false }, protocol = "TCP" }
      web       = { port = 8000, expose = { default = true }, exposedPort = 80, protocol = "TCP" }
      websecure = { port = 8443, expose = { default = true }, exposedPort = 443, protocol = "TCP" }
    }
    service     = { enabled = true, type = "LoadBalancer", annotations = {}, annotationsTCP = {}, spec = {} }
    hostNetwork = false
  }
}

locals {
  name      = try(coalesce(var.values.nameOverride), "traefik")
  joined    = replace(var.release, local.name, "") != var.release ? var.release : "${var.release}-${local.name}"
  fullname  = try(coalesce(var.values.fullnameOverride), local.joined)
  namespace = try(coalesce(var.values.namespaceOverride), var.namespace)
  labels = {
    "app.kubernetes.io/name"     = local.name
    "app.kubernetes.io/instance" = try(coalesce(var.values.instanceLabelOverride), "${var.release}-${local.namespace}")
  }
  repository = "${var.values.image.registry}/${var.values.image.repository}"
  # The entry point traefik was at 9000 before the chart 33.
  given = merge(var.values.ports, try({ traefik = merge({ port = var.major < 33 ? 9000 : 8080 }, var.values.ports.traefik) }, {}))
  ports = { for name, port in local.given : name => port if try(port.port, null) != null }
  # The chart passes these on from 28 on.
  times = var.major < 28 ? [] : flatten([
    for name, port in local.ports : concat(
      try(["--entryPoints.${name}.transport.respondingTimeouts.readTimeout", coalesce(tostring(port.transport.respondingTimeouts.readTimeout))], []),
      try(["--entryPoints.${name}.transport.respondingTimeouts.writeTimeout", coalesce(tostring(port.transport.respondingTimeouts.writeTimeout))], []),
      try(["--entryPoints.${name}.transport.respondingTimeouts.idleTimeout", coalesce(tostring(port.transport.respondingTimeouts.idleTimeout))], []),
      try(["--entryPoints.${name}.transport.lifeCycle.requestAcceptGraceTimeout", coalesce(tostring(port.transport.lifeCycle.requestAcceptGraceTimeout))], []),
      try(["--entryPoints.${name}.transport.lifeCycle.graceTimeOut", coalesce(tostring(port.transport.lifeCycle.graceTimeOut))], []),
    )
  ])
  pod = {
    metadata = {
      annotations = var.values.deployment.podAnnotations
      labels      = merge(local.labels, var.values.deployment.podLabels)
    }
    spec = {
      terminationGracePeriodSeconds = var.values.deployment.terminationGracePeriodSeconds
      hostNetwork                   = var.values.hostNetwork
      shareProcessNamespace         = var.values.deployment.shareProcessNamespace
      containers = concat([merge(
        {
          name  = local.fullname
          image = try("${local.repository}:${coalesce(var.values.image.tag)}", local.repository)
          args = concat(
            var.values.globalArguments,
            [for name, port in local.ports : "--entryPoints.${name}.address=:${port.port}/${lower(try(coalesce(port.protocol), "tcp"))}"],
            ["--ping=true", "--providers.kubernetescrd", "--providers.kubernetesingress"],
            local.times,
            var.values.additionalArguments,
          )
          env = var.values.env
          readinessProbe = merge(
            { httpGet = { path = var.major < 28 ? "/ping" : try(coalesce(var.values.deployment.readinessPath), "/ping"), port = try(coalesce(var.values.deployment.healthchecksPort), "traefik") } },
            var.values.readinessProbe,
          )
          ports = [
            for name, port in local.ports : merge(
              { name = name, containerPort = try(coalesce(port.containerPort), port.port), protocol = "TCP" },
              try({ hostPort = coalesce(port.hostPort) }, {}),
            )
          ]
        },
        try({ lifecycle = var.values.deployment.lifecycle }, {}),
      )], var.values.deployment.additionalContainers)
    }
  }
  workload = {
    selector        = { matchLabels = local.labels }
    minReadySeconds = var.values.deployment.minReadySeconds
    template        = local.pod
  }
}

resource "kubernetes_manifest" "the_IngressClass" {
  count = var.values.ingressClass.enabled ? 1 : 0

  manifest = {
    apiVersion = "networking.k8s.io/v1"
    kind       = "IngressClass"
    metadata = {
      name        = try(coalesce(var.values.ingressClass.name), local.fullname)
      annotations = var.values.ingressClass.isDefaultClass ? { "ingressclass.kubernetes.io/is-default-class" = "true" } : {}
    }
    spec = { controller = "traefik.io/ingress-controller" }
  }
}

resource "kubernetes_manifest" "the_Service" {
  count = var.values.service.enabled ? 1 : 0

  manifest = {
    apiVersion = "v1"
    kind       = "Service"
    metadata = {
      name        = local.fullname
      namespace   = local.namespace
      annotations = merge(var.values.service.annotations, var.values.service.annotationsTCP)
    }
    spec = merge(
      {
        type     = var.values.service.type
        selector = local.labels
        ports = [
          for name, port in local.ports : merge(
            {
              name       = lower(name)
              port       = try(coalesce(port.exposedPort), port.port)
              targetPort = try(coalesce(port.targetPort), lower(name))
              protocol   = try(coalesce(port.protocol), "TCP")
            },
            try({ nodePort = coalesce(port.nodePort) }, {}),
            try({ appProtocol = coalesce(port.appProtocol) }, {}),
          ) if try(tobool(port.expose.default), tobool(port.expose), false) && upper(try(coalesce(port.protocol), "TCP")) == "TCP"
        ]
      },
      try({ loadBalancerClass = coalesce(var.values.service.loadBalancerClass) }, {}),
      var.values.service.spec,
    )
  }
}

resource "kubernetes_manifest" "the_Deployment" {
  count = var.values.deployment.enabled && var.values.deployment.kind == "Deployment" ? 1 : 0

  manifest = {
    apiVersion = "apps/v1"
    kind       = "Deployment"
    metadata   = { name = local.fullname, namespace = local.namespace }
    spec = merge(
      local.workload,
      { strategy = var.values.updateStrategy },
      try(tobool(var.values.autoscaling.enabled), false) ? {} : { replicas = var.values.deployment.replicas },
    )
  }
}

resource "kubernetes_manifest" "the_DaemonSet" {
  count = var.values.deployment.enabled && var.values.deployment.kind == "DaemonSet" ? 1 : 0

  manifest = {
    apiVersion = "apps/v1"
    kind       = "DaemonSet"
    metadata   = { name = local.fullname, namespace = local.namespace }
    spec       = local.workload
  }
}

resource "kubernetes_manifest" "the_PodDisruptionBudget" {
  count = var.values.podDisruptionBudget.enabled ? 1 : 0

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
