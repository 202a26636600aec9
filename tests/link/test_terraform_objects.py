from __future__ import annotations

import json

import pytest
import yaml

from kubelint5xx.check import understand
from kubelint5xx.config import Config
from kubelint5xx.core.node import Unresolved
from kubelint5xx.core.tree import MemoryTree
from kubelint5xx.inputs import read_inputs
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.terraform_objects import terraform_objects
from tests.link.infra import module
from tests.rules.stacks import config_of, files_of
from tests.same_verdict import report, same_verdict
from tests.tf_json import in_json

APP = """
resource "kubernetes_namespace_v1" "catalog" {
  metadata {
    name = "catalog"
  }
}
resource "kubernetes_config_map_v1" "jetty" {
  metadata {
    name      = "catalog-api-jetty"
    namespace = kubernetes_namespace_v1.catalog.metadata[0].name
  }
  data = {
%s
  }
}
resource "kubernetes_deployment_v1" "api" {
  metadata {
    name      = "catalog-api"
    namespace = kubernetes_namespace_v1.catalog.metadata.0.name
    labels    = { app = "catalog-api" }
  }
  spec {
    replicas = 6
    selector {
      match_labels = { app = "catalog-api" }
    }
    strategy {
      type = "RollingUpdate"
      rolling_update {
        max_surge       = "2"
        max_unavailable = "0"
      }
    }
    template {
      metadata {
        labels = { app = "catalog-api" }
      }
      spec {
        node_selector                    = { "harborlane.io/pool" = "serving" }
        termination_grace_period_seconds = 60
        container {
          name  = "api"
          image = "417203958861.dkr.ecr.us-west-2.amazonaws.com/catalog-api:2020.11.3"
          port {
            name           = "http"
            container_port = 8080
          }
          readiness_probe {
            http_get {
              path = "/ready"
              port = "http"
            }
            period_seconds    = 10
            timeout_seconds   = 1
            failure_threshold = 3
          }
          liveness_probe {
            http_get {
              path = "/alive"
              port = "http"
            }
            initial_delay_seconds = 30
            period_seconds        = 20
          }
          lifecycle {
            pre_stop {
              exec {
                command = ["sh", "-c", "curl -fsS -X POST http://127.0.0.1:8080/drain; sleep 10"]
              }
            }
          }
          volume_mount {
            name       = "jetty"
            mount_path = "/var/lib/jetty/start.d"
          }
        }
        volume {
          name = "jetty"
          config_map {
            name = kubernetes_config_map_v1.jetty.metadata[0].name
          }
        }
      }
    }
  }
}
resource "kubernetes_service" "api" {
  metadata {
    name      = kubernetes_deployment_v1.api.metadata[0].name
    namespace = kubernetes_deployment_v1.api.metadata[0].namespace
  }
  spec {
    type     = "NodePort"
    selector = { app = kubernetes_deployment_v1.api.spec[0].template[0].metadata[0].labels.app }
    port {
      name        = "http"
      port        = 80
      target_port = "http"
      node_port   = 31080
    }
  }
}
resource "kubernetes_pod_disruption_budget_v1" "api" {
  metadata {
    name      = "catalog-api"
    namespace = "catalog"
  }
  spec {
    max_unavailable = 1
    selector {
      match_labels = { app = "catalog-api" }
    }
  }
}
"""
IN_BLOCKS = ("deployment", "service", "namespace", "jetty-config", "disruption-budget")


def app() -> str:
    data = yaml.safe_load(files_of("incident")["k8s/jetty-config.yaml"])["data"]
    return APP % "\n".join(f"    {json.dumps(key)} = {json.dumps(value)}" for key, value in data.items())


def moved(names: tuple[str, ...]) -> dict[str, str]:
    """The incident without the manifests of these names."""
    return {path: text for path, text in files_of("incident").items() if path not in {f"k8s/{n}.yaml" for n in names}}


def objects(text: str) -> list[KubeObject]:
    return list(terraform_objects("infra", module(text), []))


def test_blocks_are_judged_as_the_manifests_that_they_stand_for() -> None:
    files = moved(IN_BLOCKS) | {"k8s/app.tf": app()}
    same_verdict(files_of("incident"), files, config_of(files_of("incident")))
    same_verdict(files_of("incident"), in_json(files), config_of(files_of("incident")))


KINDS = ("deployment", "service", "namespace", "target-group-binding", "jetty-config", "disruption-budget")


@pytest.mark.parametrize(
    "write",
    [
        lambda text: f"kubernetes_manifest {{ manifest = {json.dumps(yaml.safe_load(text))} }}",
        lambda text: f"kubernetes_manifest {{ manifest = yamldecode({json.dumps(text)}) }}",
        lambda text: f"kubectl_manifest {{ yaml_body = <<-YAML\n{text}YAML\n }}",
        lambda text: f"kubectl_manifest {{ yaml_body = yamlencode({json.dumps(yaml.safe_load(text))}) }}",
    ],
    ids=["manifest", "yamldecode", "heredoc", "yamlencode"],
)
def test_manifests_in_any_form_are_judged_as_their_files(write) -> None:
    files = files_of("incident")
    texts = [write(files[f"k8s/{kind}.yaml"]).partition(" ") for kind in KINDS]
    text = "".join(f'resource "{kind}" "r{at}" {body.replace("; }", "")}\n' for at, (kind, _, body) in enumerate(texts))
    same_verdict(files, moved(KINDS) | {"k8s/app.tf": text.replace("{ manifest", "{\n manifest")}, config_of(files))


def test_a_manifest_that_terraform_reads_from_a_file_of_the_tree_counts_once() -> None:
    files = files_of("incident")
    names = [path for path in files if path.startswith("k8s/")]
    text = "".join(
        f'resource "kubectl_manifest" "r{at}" {{\n  yaml_body = file("${{path.module}}/../{path}")\n}}\n'
        for at, path in enumerate(names)
    )
    same_verdict(files, {**files, "infra/app.tf": text}, config_of(files))


def test_a_template_of_a_manifest_is_filled_in_and_has_its_places() -> None:
    files = moved(("deployment",))
    template = files_of("incident")["k8s/deployment.yaml"].replace("catalog-api:2020.11.3", "catalog-api:${tag}")
    body = 'templatefile("${path.module}/api.yaml.tpl", { tag = "2020.11.3" })'
    call = f'resource "kubectl_manifest" "api" {{\n  yaml_body = {body}\n}}\n'
    files |= {"k8s/api.yaml.tpl": template, "k8s/app.tf": call}
    same_verdict(files_of("incident"), files, config_of(files_of("incident")))


def test_findings_stand_in_the_terraform_file() -> None:
    files = moved(IN_BLOCKS) | {"k8s/app.tf": app()}
    found = report(files, config_of(files_of("incident"))).findings
    places = [one.place for one in found if one.rule == "drain-shorter-than-readiness"]
    assert places and all(place.path == "k8s/app.tf" for place in places)


def test_what_is_not_known_is_not_absent() -> None:
    text = """
    variable "replicas" {}
    variable "probes" {}
    variable "ns" {}
    resource "kubernetes_deployment" "a" {
      metadata {
        name      = "a"
        namespace = var.ns
      }
      spec {
        replicas = var.replicas
        template {
          spec {
            container {
              name = "a"
              dynamic "readiness_probe" {
                for_each = var.probes
                content {
                  period_seconds = 3
                }
              }
            }
          }
        }
      }
    }
    """
    (found,) = objects(text)
    assert (found.kind, found.api, found.namespace, found.name) == ("Deployment", "apps/v1", "${var.ns}", "a")
    assert isinstance(found.at("spec", "replicas"), Unresolved)
    assert isinstance(found.at("spec", "template", "spec", "containers", 0, "readinessProbe"), Unresolved)


def test_ports_and_paths_are_lists_where_the_api_has_lists() -> None:
    text = """
    resource "kubernetes_ingress_v1" "a" {
      metadata {
        name        = "a"
        annotations = { "alb.ingress.kubernetes.io/target_type" = "ip" }
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
                  name = "web"
                  port {
                    number = "80"
                  }
                }
              }
            }
          }
        }
      }
    }
    """
    (found,) = objects(text)
    backend = found.at("spec", "rules", 0, "http", "paths", 0, "backend", "service", "port", "number")
    assert getattr(backend, "value", None) == 80
    assert getattr(found.at("spec", "rules", 0, "http", "paths", 0, "path"), "value", None) == "/"
    assert found.annotation("alb.ingress.kubernetes.io/target_type") is not None
    assert found.api == "networking.k8s.io/v1" and found.span.text == 'resource "kubernetes_ingress_v1" "a"'


def test_objects_of_a_module_belong_to_the_root_that_calls_it() -> None:
    call = 'module "app" {\n  source = "../modules/app"\n  for_each = toset(["a", "b"])\n  name = each.key\n}\n'
    app_ = 'variable "name" {}\nresource "kubernetes_service" "s" {\n  metadata {\n    name = var.name\n  }\n}\n'
    inputs = read_inputs(MemoryTree({"prod/main.tf": call, "modules/app/main.tf": app_}), Config())
    ((directory, root),) = inputs.modules.items()
    found = list(terraform_objects(directory, root, []))
    assert [(thing.name, thing.path) for thing in found] == [("a", "prod/main.tf"), ("b", "prod/main.tf")]


def test_secrets_are_not_read() -> None:
    text = 'resource "kubernetes_secret" "s" {\n  metadata {\n    name = "s"\n  }\n  data = { a = "b" }\n}\n'
    assert not objects(text)
    assert understand(MemoryTree({"main.tf": text}), Config()).objects == 0
