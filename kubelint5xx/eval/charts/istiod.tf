# istiod 1: what the mesh as a whole gives to its proxies.
variable "release" {}
variable "namespace" {}
variable "major" {}
variable "minor" {}
variable "values" {
  default = {
    revision   = ""
    configMap  = true
    meshConfig = { enablePrometheusMerge = true }
  }
}

resource "kubernetes_manifest" "the_ConfigMap" {
  # Older charts have it below pilot.
  count = try(var.values.pilot.configMap, var.values.configMap) ? 1 : 0

  manifest = {
    apiVersion = "v1"
    kind       = "ConfigMap"
    metadata = {
      name      = var.values.revision == "" ? "istio" : "istio-${var.values.revision}"
      namespace = var.namespace
    }
    data = { mesh = var.values.meshConfig }
  }
}
