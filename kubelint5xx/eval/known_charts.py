"""Charts of public repositories that are known, for releases whose charts are not in the tree.

A sketch (``charts/NAME.tf``) says in Terraform's own language which objects such a chart makes of its values, as far as
request paths depend on them, with the chart's own defaults. The values that a release gives are laid over these, so
each field of an object stands where its value is set, and what is not known of the values stays unknown.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from kubelint5xx.core.node import Mapping, Node, Reference, Scalar, Unresolved, child, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Embedding, Source, Span

if TYPE_CHECKING:
    from kubelint5xx.eval.terraform import Module

_TYPE = "kubernetes_manifest"


@record
class Sketch:
    """The file of a chart's sketch, and the versions of the chart (major and minor; first and last) that it is true of.
    """

    file: str
    first: tuple[int, int]
    last: tuple[int, int]
    title: str
    cite: str


_ANY = 10**6
_INGRESS_NGINX = Sketch(
    "ingress_nginx", (4, 0), (4, _ANY), "the chart ingress-nginx",
    "https://github.com/kubernetes/ingress-nginx/blob/main/charts/ingress-nginx/values.yaml",
)  # fmt: skip
_AWS_CONTROLLER = Sketch(
    "aws_load_balancer_controller", (1, 6), (3, _ANY), "the chart aws-load-balancer-controller",
    "https://github.com/kubernetes-sigs/aws-load-balancer-controller/blob/main/helm/aws-load-balancer-controller/values.yaml",
)  # fmt: skip
_HANDLER = Sketch(
    "aws_node_termination_handler", (0, 18), (0, _ANY), "the chart aws-node-termination-handler",
    "https://github.com/aws/aws-node-termination-handler/tree/main/config/helm/aws-node-termination-handler",
)  # fmt: skip
_AUTOSCALER = Sketch(
    "cluster_autoscaler", (9, 0), (9, _ANY), "the chart cluster-autoscaler",
    "https://github.com/kubernetes/autoscaler/tree/master/charts/cluster-autoscaler",
)  # fmt: skip
_KARPENTER = Sketch(
    "karpenter", (1, 0), (1, _ANY), "the chart karpenter",
    "https://github.com/aws/karpenter-provider-aws/tree/main/charts/karpenter",
)  # fmt: skip
_TRAEFIK = Sketch(
    "traefik", (25, 0), (37, _ANY), "the chart traefik",
    "https://github.com/traefik/traefik-helm-chart/blob/master/traefik/values.yaml",
)  # fmt: skip
_HAPROXY = Sketch(
    "haproxy_ingress", (0, 13), (0, 15), "the chart haproxy-ingress",
    "https://github.com/haproxy-ingress/charts/blob/master/haproxy-ingress/values.yaml",
)  # fmt: skip
_KONG = Sketch(
    "kong", (2, 33), (2, _ANY), "the chart kong", "https://github.com/Kong/charts/blob/main/charts/kong/values.yaml"
)
_ISTIOD = Sketch(
    "istiod", (1, 17), (1, _ANY), "the chart istiod",
    "https://github.com/istio/istio/tree/master/manifests/charts/istio-control/istio-discovery",
)  # fmt: skip
# By the address of the chart: that of its repository, without the scheme, and its name.
_SKETCHES: dict[str, Sketch] = {
    "kubernetes.github.io/ingress-nginx/ingress-nginx": _INGRESS_NGINX,
    "aws.github.io/eks-charts/aws-load-balancer-controller": _AWS_CONTROLLER,
    "public.ecr.aws/eks/aws-load-balancer-controller": _AWS_CONTROLLER,
    "aws.github.io/eks-charts/aws-node-termination-handler": _HANDLER,
    "public.ecr.aws/aws-ec2/helm/aws-node-termination-handler": _HANDLER,
    "kubernetes.github.io/autoscaler/cluster-autoscaler": _AUTOSCALER,
    "public.ecr.aws/karpenter/karpenter": _KARPENTER,
    "traefik.github.io/charts/traefik": _TRAEFIK,
    "helm.traefik.io/traefik/traefik": _TRAEFIK,
    "ghcr.io/traefik/helm/traefik": _TRAEFIK,
    "haproxy-ingress.github.io/charts/haproxy-ingress": _HAPROXY,
    "charts.konghq.com/kong": _KONG,
    "istio-release.storage.googleapis.com/charts/istiod": _ISTIOD,
    "gcr.io/istio-release/charts/istiod": _ISTIOD,
}
_SCHEME = pattern(r"^[a-z]+://")
# 4.11.3, v4.11.3, 4.11.x, 4.*, ^4.11.0, ~4.11.0, ~> 4.11
_ONE_MAJOR = pattern(r"\s*(=|\^|~>?)?\s*v?(\d{1,9})(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:[-+][\w.+-]*)?\s*")


@record
class Wanted:
    """A release of a chart by its ``address`` (repository and name). ``header`` is where the release is named, and
    ``values`` are those that it gives."""

    address: str
    version: Node | None
    name: Node
    namespace: Node
    values: Node
    header: Span


def address_of(repository: str, chart: str) -> str:
    """The address that a repository (URL or OCI registry, else empty) and a chart in it have here."""
    whole = f"{repository.rstrip('/')}/{chart}" if repository else chart
    return _SCHEME.sub("", whole).removeprefix("www.").rstrip("/")


def is_known(address: str) -> bool:
    """Whether there is a sketch of some version of the chart."""
    return address in _SKETCHES


def objects_of_release(wanted: Wanted) -> tuple[list[Mapping], list[Problem]]:
    """The objects that the release makes, and a line for what is not known of them.

    A chart whose version is not known, or is none of those that the sketch is true of, makes no objects.
    """
    sketch = _SKETCHES.get(wanted.address)
    if sketch is None:
        return [], [_problem(wanted, f"a release of {wanted.address}, not analysed: the chart is not in the tree")]
    version = _version(wanted.version, sketch)
    if isinstance(version, str):
        return [], [_problem(wanted, f"a release of {sketch.title}, not analysed: {version}")]
    module = _module(sketch, wanted, *version)
    found: list[Mapping] = []
    problems: list[Problem] = []
    for resource in module.resources((_TYPE,)):
        root = resource.body.get("manifest")
        if resource.count_unknown or not isinstance(root, Mapping):
            reason = root.reason if isinstance(root, Unresolved) else "it depends on values that are not known"
            called = resource.name.replace("_", " ")
            message = f"{called} of {sketch.title} is left out: {reason}"
            problems.append(_problem(wanted, message))
        else:
            found.append(root)
    return found, problems


def _problem(wanted: Wanted, message: str) -> Problem:
    here = wanted.header.in_file()
    return Problem(here.path, here.line, message, "unrendered", here.column)


def _version(version: Node | None, sketch: Sketch) -> tuple[int, int | None] | str:
    """The major and, where it is known, the minor version; a text tells why the sketch is not known to be true of it.
    """
    if version is None:
        return "nothing tells which version of it is installed"
    if isinstance(version, (Unresolved, Reference)):
        return "which version of it is installed is not known"
    said = text(version) or ""
    match = _ONE_MAJOR.fullmatch(said)
    if match is None or (match[1] == "~>" and match[3] is None):
        return f"it is not known which version {said!r} comes to"
    # Such a range leaves the minor version open, as a wildcard does.
    fixed = match[3] is not None and match[3].isdigit() and match[1] not in ("^", "~>")
    if match[1] == "^" and match[2] == "0":
        fixed = match[3] is not None and match[3].isdigit()
    major, minor = int(match[2]), int(match[3]) if fixed and match[3] else None
    low, high = (major, 0 if minor is None else minor), (major, _ANY if minor is None else minor)
    if low < sketch.first or high > sketch.last:
        return f"its version {said} is none of those that are known"
    return major, minor


def _module(sketch: Sketch, wanted: Wanted, major: int, minor: int | None) -> Module:
    # A chart that is only named needs none of this.
    from kubelint5xx.eval.helm_values import merged, without_nulls
    from kubelint5xx.eval.root_module import load_module

    version = text(wanted.version) or ""
    product = f"{sketch.title} {version.strip().removeprefix('v')}"
    place = Embedding(wanted.header, product=product, cite=sketch.cite)
    files = {"main.tf": Source(wanted.header.path, _text(sketch.file), inside=place)}
    given: dict[str, Node] = {
        "release": wanted.name,
        "namespace": wanted.namespace,
        "major": Scalar(wanted.header, major, str(major)),
        "minor": Unresolved(wanted.header, "its minor version is not known")
        if minor is None
        else Scalar(wanted.header, minor, str(minor)),
    }
    defaults = child(load_module("", files).variables, "values")
    values = merged(defaults, wanted.values) if defaults is not None else wanted.values
    if isinstance(values, (Unresolved, Reference)):
        why = values.reason if isinstance(values, Unresolved) else f"they depend on {values.address}"
        values = Mapping(values.span, (), why)
    elif not isinstance(values, Mapping):
        values = Mapping(values.span, (), "its values are no map")
    return load_module("", files, variables={**given, "values": without_nulls(values)})


@cache
def _text(file: str) -> str:
    return (Path(__file__).parent / "charts" / f"{file}.tf").read_text(encoding="utf-8")
