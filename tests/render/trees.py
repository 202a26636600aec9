"""Directories with files, for tools to work on."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from kubelint5xx.config import Config
from kubelint5xx.core.finding import Finding
from kubelint5xx.core.tree import Tree
from kubelint5xx.discover import DirectoryTree
from kubelint5xx.render.render import rendered

needs_kustomize = pytest.mark.skipif(
    not (shutil.which("kustomize") or shutil.which("kubectl")), reason="neither kustomize nor kubectl is installed"
)
needs_helm = pytest.mark.skipif(not shutil.which("helm"), reason="helm is not installed")

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      terminationGracePeriodSeconds: 60
      containers:
        - name: web
          image: registry.example/shop/web:1.2
          command: [gunicorn, -k, gthread, --keep-alive, "75", --graceful-timeout, "20", app:app]
          ports: [{name: http, containerPort: 8080}]
          readinessProbe:
            httpGet: {path: /ready, port: http}
          lifecycle:
            preStop:
              sleep:
                seconds: 20
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
"""
INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  annotations:
    alb.ingress.kubernetes.io/target-type: ip
    alb.ingress.kubernetes.io/healthcheck-path: /ready
spec:
  ingressClassName: alb
  rules:
    - http:
        paths:
          - path: /
            pathType: Prefix
            backend: {service: {name: web, port: {name: http}}}
"""
BUDGET = """\
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: web
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {app: web}
"""
NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels: {elbv2.k8s.aws/pod-readiness-gate-inject: enabled}
"""
BASE = {
    "base/deployment.yaml": DEPLOYMENT,
    "base/service.yaml": SERVICE,
    "base/ingress.yaml": INGRESS,
    "base/budget.yaml": BUDGET,
    "base/kustomization.yaml": "resources: [deployment.yaml, service.yaml, ingress.yaml, budget.yaml]\n",
    "namespace.yaml": NAMESPACE,
}


def written(root: Path, files: Mapping[str, str]) -> Path:
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(dedent(text), encoding="utf-8")
    return root


def tree_of(root: Path, config: Config | None = None) -> Tree:
    return rendered(DirectoryTree(root), str(root), config or Config())


def at(finding: Finding) -> str:
    """The place and the line of a finding."""
    place = finding.place.in_file()
    return f"{finding.rule} {place.path}: {place.source.line_text(place.line).strip()}"
