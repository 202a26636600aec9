# aws-ia/eks-blueprints-addon 1: one chart that Helm installs, and a role for it.
variable "create" { default = true }
variable "create_release" { default = true }
variable "name" { default = "" }
variable "namespace" { default = null }
variable "chart" { default = "" }
variable "chart_version" { default = null }
variable "repository" { default = null }
variable "values" { default = null }
variable "set" { default = [] }
variable "set_sensitive" { default = [] }

resource "helm_release" "this" {
  count = var.create && var.create_release ? 1 : 0

  name       = try(coalesce(var.name, var.chart), "")
  namespace  = try(coalesce(var.namespace), "default")
  chart      = var.chart
  version    = var.chart_version
  repository = var.repository
  values     = var.values

  dynamic "set" {
    for_each = try(coalesce(var.set), [])
    content {
      name  = set.value.name
      value = set.value.value
    }
  }
  dynamic "set_sensitive" {
    for_each = try(coalesce(var.set_sensitive), [])
    content {
      name  = set_sensitive.value.name
      value = set_sensitive.value.value
    }
  }
}
