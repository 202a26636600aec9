"""What the linter reads of a setup: an ALB, a Service and a Deployment, as small as can be and still healthy."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence

from lab.verdict.experiment import Tree

_PODS = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
spec:
  replicas: 2
  selector: {{matchLabels: {{app: app}}}}
  template:
    metadata:
      labels: {{app: app}}
      annotations: {annotations}
    spec:
      terminationGracePeriodSeconds: {grace:g}
      containers:
{containers}
      volumes: [{{name: files, configMap: {{name: files}}}}]
"""
_CONTAINER = """\
- name: {name}
  image: {image}
{command}  ports: [{{name: {name}, containerPort: {port}}}]
  lifecycle: {lifecycle}
  volumeMounts: {mounts}
"""
_PROBE = "  readinessProbe: {{httpGet: {{path: /ready, port: {name}}}, {times}}}\n"
_SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: app
spec:
  type: {type}
{more}  selector: {{app: app}}
  ports: [{{port: 80, targetPort: {port}}}]
"""
_INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: app
  annotations:
    alb.ingress.kubernetes.io/target-type: {target}
    alb.ingress.kubernetes.io/load-balancer-attributes: idle_timeout.timeout_seconds={idle:g}
{more}spec:
  ingressClassName: alb
  defaultBackend: {{service: {{name: app, port: {{number: 80}}}}}}
"""
_GATE = """\
apiVersion: v1
kind: Namespace
metadata:
  name: default
  labels: {elbv2.k8s.aws/pod-readiness-gate-inject: enabled}
"""


def container(
    command: Sequence[str],
    *,
    name: str = "app",
    image: str = "lab.test/app:1",
    port: int = 8000,
    prestop: float | Sequence[str] = 0.0,
    ready: str = "periodSeconds: 1",
    mounts: Mapping[str, str] | None = None,
) -> str:
    """One container; without a ``command`` the image's own counts.

    ``prestop``: seconds by the kubelet's sleep, or a command. ``ready``: its probe's times. ``mounts``: files of
    ``tree`` by the path in the container where they are.
    """
    sleep = {"sleep": {"seconds": prestop}} if isinstance(prestop, float) else {"exec": {"command": list(prestop)}}
    text = _CONTAINER.format(
        name=name,
        image=image,
        command=f"  command: {json.dumps(list(command))}\n" if command else "",
        port=port,
        lifecycle=json.dumps({"preStop": sleep} if prestop else {}),
        mounts=json.dumps([{"name": "files", "mountPath": to, "subPath": of} for to, of in (mounts or {}).items()]),
    )
    return text + (_PROBE.format(name=name, times=ready) if ready else "")


def tree(
    *containers: str,
    idle: float = 60,
    target: str = "ip",
    grace: float = 30,
    annotations: Mapping[str, str] | None = None,
    attributes: str = "",
    ingress: Mapping[str, str] | None = None,
    policy: str = "",
    port: int = 8000,
    budgets: Mapping[str, float] | None = None,
    files: Mapping[str, str] | None = None,
    servers: str = "",
    build: Mapping[str, str] | None = None,
) -> Tree:
    """The files of a stack whose ALB sends to ``containers``.

    ``idle``: the ALB's idle timeout; ``target``: its target type; ``attributes``: of its target group; ``ingress``:
    more of its annotations, by their last part; ``policy``: externalTrafficPolicy; ``files``: what a ConfigMap holds;
    ``servers``: what the configuration says of the server; ``build``: files that its image is built from.
    """
    more = dict(ingress or {}) | ({"target-group-attributes": attributes} if attributes else {})
    config = {
        "cluster": {"kubernetes_version": "1.32"},
        "budgets": {name: f"{value:g}s" for name, value in (budgets or {}).items()},
        "servers": {"Deployment default/app": servers} if servers else {},
        "links": [{"image": "lab.test/app", "build": "app"}] if build else [],
    }
    return {
        "kubelint5xx.yaml": json.dumps({key: value for key, value in config.items() if value}, indent=2) + "\n",
        "k8s/namespace.yaml": _GATE,
        "k8s/pods.yaml": _PODS.format(
            grace=grace, annotations=json.dumps(dict(annotations or {})),
            containers=textwrap.indent("".join(containers), " " * 8).rstrip("\n"),
        ),
        "k8s/service.yaml": _SERVICE.format(
            type="ClusterIP" if target == "ip" else "NodePort", port=port,
            more=f"  externalTrafficPolicy: {policy}\n" if policy else "",
        ),
        "k8s/ingress.yaml": _INGRESS.format(
            target=target, idle=idle,
            more="".join(f"    alb.ingress.kubernetes.io/{key}: {json.dumps(text)}\n" for key, text in more.items()),
        ),
        "k8s/files.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: files\ndata: "
        + json.dumps(dict(files or {})) + "\n",
        **{f"app/{path}": text for path, text in (build or {}).items()},
    }  # fmt: skip
