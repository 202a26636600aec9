"""A proxy in a Deployment of its own that sends requests on to another Service's pods."""

from __future__ import annotations

from textwrap import indent

import pytest

from kubelint5xx.core.value import Data
from kubelint5xx.link.parts import Layer
from kubelint5xx.model.topology import Edge
from tests.link.manifests import INGRESS, SERVICE, WEB, data, joined
from tests.same_verdict import verdict

FRONT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: proxy
          image: IMAGE
          ports: [{name: http, containerPort: 80}]
          volumeMounts: [{name: conf, mountPath: PATH, subPath: conf}]
      volumes: [{name: conf, configMap: {name: proxy}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: proxy, namespace: shop}
data:
  conf: |
"""
SERVER = """
server {
  listen 80;
  location / {
    proxy_pass http://%s;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
  }
}
"""
POOL = "upstream pool { server %s; keepalive 16; keepalive_timeout 90s; }\n"
APP = """
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {selector: {app: api}, ports: [{port: 8080, targetPort: 8080}]}
---
""" + WEB.replace("name: web, namespace", "name: api, namespace").replace("app: web", "app: api")
ADMIN = APP.replace("api", "admin").replace('"75"', '"30"').replace("adminVersion", "apiVersion")


def front(conf: str, image: str = "nginx:1.27.3", path: str = "/etc/nginx/conf.d/default.conf") -> str:
    return FRONT.replace("IMAGE", image).replace("PATH", path) + indent(conf.strip("\n") + "\n", "    ")


def layer(conf: str, *more: str, image: str = "nginx:1.27.3", path: str = "/etc/nginx/conf.d/default.conf") -> Layer:
    return joined(INGRESS, SERVICE, front(conf, image, path), *more)


def onward(found: Layer) -> list[Edge]:
    return [edge for edge in found.edges if edge.sender.name.endswith("of Deployment shop/web")]


def facts(edge: Edge) -> list[Data]:
    return data(edge.subject, "protocol", "target_type", "pinned", "through_kube_proxy")


@pytest.mark.parametrize(
    "host",
    [
        "api:8080",
        "api.shop:8080",
        "api.shop.svc:8080/",
        "api.shop.svc.cluster.local:8080",
        "api.shop.svc.cluster.local.:8080",
    ],
)
def test_the_pods_of_a_service_that_nginx_names_are_its_neighbours(host: str) -> None:
    (edge,) = onward(layer(SERVER % host, APP))
    assert edge.receiver.product == "gunicorn" and edge.sender.product == "nginx"
    assert facts(edge) == ["http1", "service", True, True]
    assert [step.label for step in edge.route][-2:] == [
        "Deployment shop/api",
        "Gunicorn in container web of Deployment shop/api",
    ]
    assert edge.pod is not None and "shop/api" in edge.pod.name


def test_an_upstream_is_followed_with_its_own_pool() -> None:
    (edge,) = onward(layer(POOL % "api:8080" + SERVER % "pool", APP))
    assert data(edge.sender.outbound, "keepalive", "idle_timeout") == [True, 90.0]
    assert edge.receiver.inbound.read("idle_timeout").data == 75.0


def test_several_services_have_the_settings_of_their_own_locations() -> None:
    conf = (
        POOL % "api:8080" + SERVER % "pool" + "server { listen 80; location /admin { proxy_pass http://admin:8080; } }"
    )
    api, admin = sorted(onward(layer(conf, APP, ADMIN)), key=lambda edge: edge.receiver.name, reverse=True)
    assert data(api.sender.outbound, "keepalive", "idle_timeout") == [True, 90.0]
    assert data(admin.sender.outbound, "keepalive") == [False]
    assert admin.receiver.inbound.read("idle_timeout").data == 30.0


def test_a_variable_with_one_value_names_a_service() -> None:
    conf = SERVER.replace("proxy_pass http://%s;", "set $api http://api.shop.svc.cluster.local:8080; proxy_pass $api;")
    (edge,) = onward(layer(conf, APP))
    assert edge.receiver.product == "gunicorn"
    twice = conf.replace("listen 80;", "listen 80; set $api http://other:80;")
    assert onward(layer(twice, APP)) == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8080", "api.example.com:8080", "other:8080", "api.elsewhere:8080", "$host:8080", "unix:/api"]
)
def test_what_names_no_service_of_these_files_is_not_followed(host: str) -> None:
    assert onward(layer(SERVER % host, APP)) == []


def test_a_port_that_the_service_does_not_have_is_noted() -> None:
    found = layer(SERVER % "api:9090", APP)
    assert onward(found) == []
    assert [one.reason for one in found.undecided if "passes requests on" in one.what] == [
        "Service shop/api has no port 9090"
    ]


def test_only_the_server_that_listens_on_the_port_counts() -> None:
    other = SERVER.replace("listen 80", "listen 8081") % "api:8080"
    assert onward(layer(other, APP)) == []


def test_behind_a_headless_service_it_is_open_who_is_sent_to() -> None:
    headless = APP.replace("spec: {selector", "spec: {clusterIP: None, selector")
    (edge,) = onward(layer(SERVER % "api:8080", headless))
    assert facts(edge) == ["http1", None, None, None]


def test_proxies_that_name_each_other_end_somewhere() -> None:
    assert len(onward(layer(SERVER % "web:80", APP))) == 1


HAPROXY = "frontend f\n  bind :80\n  default_backend b\nbackend b\n  server s1 api:8080 check\n"
ENVOY = """
static_resources:
  clusters:
  - load_assignment:
      endpoints:
      - lb_endpoints:
        - endpoint:
            address: {socket_address: {address: api, port_value: 8080}}
"""


@pytest.mark.parametrize(
    ("image", "path", "conf"),
    [
        ("haproxy:3.0", "/usr/local/etc/haproxy/haproxy.cfg", HAPROXY),
        ("caddy:2.8", "/etc/caddy/Caddyfile", ":80\nreverse_proxy api:8080\n"),
        ("httpd:2.4", "/usr/local/apache2/conf/httpd.conf", 'Listen 80\nProxyPass "/" "http://api.shop.svc:8080/"\n'),
        ("envoyproxy/envoy:v1.31.0", "/etc/envoy/envoy.yaml", ENVOY),
    ],
)
def test_other_proxies_are_followed_as_well(image: str, path: str, conf: str) -> None:
    found = onward(layer(conf, APP, image=image, path=path))
    assert [edge.receiver.product for edge in found] == ["gunicorn"]
    assert facts(found[0])[1:] == ["service", True, True]


def test_the_pods_behind_are_judged_as_what_is_on_a_path() -> None:
    """nginx keeps connections for 90 s, and the app for 75 s only."""
    files = {"k8s/all.yaml": "---".join((INGRESS, SERVICE, front(POOL % "api:8080" + SERVER % "pool"), APP))}
    found = verdict(files)
    assert any("server-closes-first" in line and "shop/api" in line for line in found), found
    healed = {path: text.replace("keepalive_timeout 90s", "keepalive_timeout 60s") for path, text in files.items()}
    assert not any("server-closes-first" in line and "shop/api" in line for line in verdict(healed))
    inside = verdict({"k8s/all.yaml": APP})
    assert inside == ["0 hops, 0 proved, 0 failing, 0 undecided"]
