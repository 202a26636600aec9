"""Trees written in a test, joined."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

from kubelint5xx.config import Config
from kubelint5xx.core.source import Source
from kubelint5xx.core.value import Data, Subject
from kubelint5xx.formats import yaml
from kubelint5xx.link.images import Builds
from kubelint5xx.link.kubernetes import link_kubernetes
from kubelint5xx.link.objects import objects_of
from kubelint5xx.link.parts import Layer, TargetGroup
from kubelint5xx.link.receivers import Receivers
from kubelint5xx.link.scopes import scopes_of
from kubelint5xx.model.topology import Edge

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: registry.example/shop/web:1.2
          command: [gunicorn, -k, gthread, --keep-alive, "75", app:app]
          ports: [{name: http, containerPort: 8080}]
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{port: 80, targetPort: http, nodePort: 30080}]
"""
INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  namespace: shop
  annotations: {}
spec:
  ingressClassName: alb
  rules:
    - http:
        paths:
          - backend: {service: {name: web, port: {number: 80}}}
"""


def joined(
    *texts: str,
    files: Mapping[str, str] | None = None,
    terraform: tuple[TargetGroup, ...] = (),
    config: Config | None = None,
) -> Layer:
    """The layer of manifests, all in k8s/all.yaml, and of ``files`` of any kind beside them."""
    tree = {name: dedent(text) for name, text in (files or {}).items()}
    if texts:
        tree["k8s/all.yaml"] = "---\n".join(dedent(text).lstrip("\n") for text in texts)
    sources = {path: Source(path, text) for path, text in tree.items()}
    documents = [
        document
        for path, source in sources.items()
        if path.endswith(".yaml")
        for document in yaml.read(source).documents
    ]
    scopes = scopes_of(objects_of(documents, []), [])
    config = config or Config()
    receivers = Receivers(Builds(sources, sources.get, config), config, scopes=scopes)
    return link_kubernetes(scopes, receivers, terraform, config)


def only(layer: Layer) -> Edge:
    assert len(layer.edges) == 1, [edge.subject.name for edge in layer.edges] + list(map(str, layer.undecided))
    return layer.edges[0]


def pod(edge: Edge) -> Subject:
    assert edge.pod is not None
    return edge.pod


def data(subject: Subject | None, *names: str) -> list[Data]:
    assert subject is not None
    return [subject.read(name).data for name in names]


def place_text(subject: Subject, name: str) -> str:
    """What stands where the value's place is."""
    place = subject.read(name).place
    assert place is not None
    return place.text


def web(**container: str) -> str:
    """The Deployment with lines of its container replaced or added, as YAML in flow style."""
    lines = [line for line in WEB.splitlines() if not any(line.strip().startswith(f"{key}:") for key in container)]
    return "\n".join([*lines, *(f"          {key}: {value}" for key, value in container.items() if value)]) + "\n"
