resource "kubernetes_deployment_v1" "atlas" {
  metadata {
    name      = "atlas"
    namespace = "cells"
  }

  spec {
    replicas = 3

    selector {
      match_labels = { app = "atlas" }
    }

    template {
      metadata {
        labels = { app = "atlas" }
      }

      spec {
        termination_grace_period_seconds = 70

        container {
          name    = "atlas"
          image   = "120459873316.dkr.ecr.us-west-2.amazonaws.com/atlas:57"
          command = ["gunicorn", "--worker-class", "gthread", "--threads", "4", "--bind", "0.0.0.0:5000", "atlas.server:app"]

          port {
            name           = "http"
            container_port = 5000
          }

          readiness_probe {
            http_get {
              path = "/healthz"
              port = "http"
            }
            period_seconds = 5
          }

          lifecycle {
            pre_stop {
              exec {
                command = ["sleep", "20"]
              }
            }
          }
        }
      }
    }
  }
}

resource "kubernetes_service_v1" "atlas" {
  metadata {
    name      = "atlas"
    namespace = "cells"
  }

  spec {
    selector = { app = "atlas" }

    port {
      name        = "http"
      port        = 80
      target_port = "http"
    }
  }
}

resource "kubernetes_namespace_v1" "cells" {
  metadata {
    name   = "cells"
    labels = { "elbv2.k8s.aws/pod-readiness-gate-inject" = "enabled" }
  }
}

resource "kubernetes_ingress_v1" "atlas" {
  metadata {
    name      = "atlas"
    namespace = "cells"
    annotations = {
      "alb.ingress.kubernetes.io/scheme"                  = "internet-facing"
      "alb.ingress.kubernetes.io/target-type"             = "ip"
      "alb.ingress.kubernetes.io/healthcheck-path"        = "/healthz"
      "alb.ingress.kubernetes.io/target-group-attributes" = "deregistration_delay.timeout_seconds=30"
    }
  }

  spec {
    ingress_class_name = "alb"

    rule {
      http {
        path {
          path      = "/"
          path_type = "Prefix"

          backend {
            service {
              name = "atlas"
              port {
                name = "http"
              }
            }
          }
        }
      }
    }
  }
}
