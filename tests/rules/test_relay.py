"""Response timeouts along a path on which one proxy has a timeout of its own for every route."""

from __future__ import annotations

from textwrap import dedent

import pytest

from kubelint5xx.rule_tests import run_stack

CONTROLLER = """
apiVersion: apps/v1
kind: Deployment
metadata: { name: ingress-nginx-controller, namespace: ingress-nginx }
spec:
  replicas: 2
  selector: { matchLabels: { app.kubernetes.io/name: ingress-nginx } }
  template:
    metadata: { labels: { app.kubernetes.io/name: ingress-nginx } }
    spec:
      containers:
        - name: controller
          image: registry.k8s.io/ingress-nginx/controller:v1.12.1
          args: [/nginx-ingress-controller, --configmap=$(POD_NAMESPACE)/ingress-nginx-controller]
          ports: [{ name: http, containerPort: 80 }]
---
apiVersion: v1
kind: ConfigMap
metadata: { name: ingress-nginx-controller, namespace: ingress-nginx }
data: { keep-alive: "75" }
---
apiVersion: v1
kind: Service
metadata: { name: ingress-nginx-controller, namespace: ingress-nginx }
spec:
  selector: { app.kubernetes.io/name: ingress-nginx }
  ports: [{ name: http, port: 80, targetPort: http }]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: edge
  namespace: ingress-nginx
  annotations: { alb.ingress.kubernetes.io/target-type: ip }
spec:
  ingressClassName: alb
  defaultBackend: { service: { name: ingress-nginx-controller, port: { name: http } } }
"""
APP = """
apiVersion: apps/v1
kind: Deployment
metadata: { name: NAME, namespace: shop }
spec:
  selector: { matchLabels: { app: NAME } }
  template:
    metadata: { labels: { app: NAME } }
    spec:
      containers:
        - name: NAME
          image: registry.example/shop/NAME:1.2
          command: [gunicorn, -k, gthread, --keep-alive, "75", app:app]
          ports: [{ name: http, containerPort: 8080 }]
---
apiVersion: v1
kind: Service
metadata: { name: NAME, namespace: shop }
spec:
  selector: { app: NAME }
  ports: [{ port: 80, targetPort: http }]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: NAME
  namespace: shop
  annotations:
    ANNOTATIONS
spec:
  ingressClassName: nginx
  defaultBackend: { service: { name: NAME, port: { number: 80 } } }
"""
READ = 'nginx.ingress.kubernetes.io/proxy-read-timeout: "300"'


def found(annotations: str, rule: str = "outer-timeout-first") -> list[tuple[str, str]]:
    files = {"kubelint5xx.yaml": "select: [timeouts]\n", "k8s/controller.yaml": dedent(CONTROLLER)}
    for name, given in (("api", "{}"), ("reports", annotations)):
        files[f"k8s/{name}.yaml"] = APP.replace("NAME", name).replace("    ANNOTATIONS", f"    {given}")
    findings = (one for one in run_stack(files).findings if one.rule == rule)
    return [(one.place.path, one.place.source.line_text(one.place.line).strip()) for one in findings]


def test_the_route_that_was_given_more_time_than_the_balancer_is_named() -> None:
    assert found(READ) == [("k8s/reports.yaml", READ)]


@pytest.mark.parametrize(
    "marked",
    [
        'kubelint5xx.io/streams: "true"',
        "nginx.org/websocket-services: reports",
        "nginx.ingress.kubernetes.io/backend-protocol: GRPC",
    ],
)
def test_a_route_that_is_marked_as_streams_may_last(marked: str) -> None:
    assert found(f"{READ}\n    {marked}") == []


def test_a_timeout_in_another_unit_is_judged_alone() -> None:
    assert found(READ.replace("300", "300s")) == []
    assert found(READ.replace("300", "300s"), "implausible-unit") == [("k8s/reports.yaml", READ.replace("300", "300s"))]
    # Also where nothing is known of what stands behind.
    alone = APP.replace("NAME", "reports").rpartition("---\n")[2].replace("ANNOTATIONS", READ.replace("300", "5m"))
    assert [finding.rule for finding in run_stack({"k8s/reports.yaml": alone}).findings] == ["implausible-unit"]


def test_an_annotation_marks_a_server_of_streams() -> None:
    pods, service, ingress = APP.replace("NAME", "live").replace("    ANNOTATIONS", "    {}").split("---\n")
    pods = pods.replace('-k, gthread, --keep-alive, "75"', '--timeout, "300"')
    alb = ingress.replace("ingressClassName: nginx", "ingressClassName: alb")
    marked = pods.replace("{ labels: ", '{ annotations: { kubelint5xx.io/streams: "true" }, labels: ')
    for manifest, rules in ((pods, ["outer-timeout-first"]), (marked, [])):
        files = {"kubelint5xx.yaml": "select: [timeouts]\n", "k8s/live.yaml": "---\n".join((manifest, service, alb))}
        assert [finding.rule for finding in run_stack(files).findings] == rules
