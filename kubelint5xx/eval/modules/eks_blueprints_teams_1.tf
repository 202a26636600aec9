# aws-ia/eks-blueprints-teams 0 and 1: the namespaces of a team, with quotas and permissions, which are not modelled.
variable "namespaces" { default = {} }
variable "annotations" { default = {} }
variable "labels" { default = {} }

resource "kubernetes_namespace_v1" "this" {
  for_each = { for name, it in var.namespaces : name => it if try(it.create, true) }

  metadata {
    name        = each.key
    annotations = merge(var.annotations, try(each.value.annotations, {}))
    labels      = merge(var.labels, try(each.value.labels, {}))
  }
}
