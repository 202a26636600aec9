"""Kubernetes objects as they are told to the checks of other trees: with what of them takes part in joins there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, entries, text
from kubelint5xx.core.record import replace
from kubelint5xx.hops.table import table
from kubelint5xx.link.ingress_nginx import PRODUCT, config_map_of, controller_in
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.workloads import Container, workload_of

_FIELDS = {
    "IngressClass": ("controller", "parameters"),
    "IngressClassParams": ("group", "loadBalancerAttributes", "targetType"),
    "Namespace": (),
    "Service": (
        "type", "ports", "clusterIP", "selector", "externalTrafficPolicy", "allocateLoadBalancerNodePorts",
        "loadBalancerClass",
    ),
    "TargetGroupBinding": ("serviceRef", "targetGroupARN", "targetGroupName", "targetType", "nodeSelector"),
}  # fmt: skip
_TELLING = ("pod-readiness-gate-inject", "is-default-class")
# Controllers of ingress-nginx, and where they are configured.
_OF_CONTROLLERS = ("ConfigMap", "DaemonSet", "Deployment")
KINDS = frozenset((*_FIELDS, *_OF_CONTROLLERS))
_NAMING = ("--configmap", "--controller-class", "--ingress-class")


def told_objects(scope: Scope) -> Iterator[KubeObject]:
    """The objects of a scope that others may join with theirs, each with what of it takes part in that."""
    for thing in scope.objects:
        if thing.kind in _FIELDS:
            yield replace(thing, root=_reduced(thing))
        workload = workload_of(thing) if thing.kind in _OF_CONTROLLERS else None
        container = controller_in(workload) if workload is not None else None
        if container is not None:
            yield replace(thing, root=_controller(container))
            config_map = config_map_of(container, scope)
            if isinstance(config_map, KubeObject):
                yield replace(config_map, root=_config_map(config_map))


def _reduced(thing: KubeObject) -> Mapping:
    body = thing.root
    metadata, spec = body.get("metadata"), body.get("spec")
    kept: list[Entry] = []
    if isinstance(metadata, Mapping):
        own = [entry for entry in metadata.entries if entry.key.value == "labels" and thing.kind == "Namespace"]
        annotations = metadata.entry("annotations")
        if annotations is not None and isinstance(annotations.value, Mapping):
            telling = [one for one in annotations.value.entries if str(one.key.value).rpartition("/")[2] in _TELLING]
            own.append(Entry(annotations.key, replace(annotations.value, entries=tuple(telling))))
        kept.append(_named(metadata, "metadata", replace(metadata, entries=tuple(own))))
    if isinstance(spec, Mapping):
        fields = [entry for entry in spec.entries if entry.key.value in _FIELDS[thing.kind]]
        if spec.get("networking") is not None:
            # Whatever it says: the controller opens the way then.
            fields.append(_named(spec, "networking", Scalar(spec.span, True)))
        kept.append(_named(spec, "spec", replace(spec, entries=tuple(fields))))
    elif spec is not None:
        kept.append(_named(spec, "spec", spec))
    return replace(body, entries=tuple(kept))


def _controller(container: Container) -> Mapping:
    """The workload with the controller's container alone, and of its command line the flags that are known."""
    known = {*_keys("argv"), *_NAMING}
    node, workload = container.node, container.workload
    parts: list[Entry] = []
    for entry in node.entries:
        if entry.key.value in ("name", "image"):
            parts.append(entry)
        elif entry.key.value in ("command", "args") and isinstance(entry.value, Sequence):
            words = (word for word in entry.value.items if (text(word) or "").partition("=")[0] in known)
            parts.append(Entry(entry.key, replace(entry.value, items=tuple(words))))
    place = workload.owner.span
    labels = [_named(node, key, Scalar(place, value, value)) for key, value in workload.labels.items()]
    containers = _named(node, "containers", Sequence(node.span, (replace(node, entries=tuple(parts)),)))
    template = Mapping(
        place,
        (
            _named(node, "metadata", Mapping(place, (_named(node, "labels", Mapping(place, tuple(labels))),))),
            _named(node, "spec", Mapping(place, (containers,))),
        ),
    )
    return Mapping(place, (_named(node, "spec", Mapping(place, (_named(node, "template", template),))),))


def _config_map(thing: KubeObject) -> Mapping:
    known = {*_keys("configmap"), "service-upstream"}
    data = thing.root.entry("data")
    if data is None or not isinstance(data.value, Mapping):
        return Mapping(thing.root.span, (data,) if data is not None else (), thing.root.open)
    kept = tuple(entry for entry in entries(data.value) if entry.key.value in known)
    return Mapping(thing.root.span, (Entry(data.key, replace(data.value, entries=kept)),), thing.root.open)


def _keys(format_: str) -> Iterable[str]:
    """The keys that the controller's table reads."""
    known = table(PRODUCT)
    return [key for row in (*known.knobs.values(), *known.own.values()) for key in row.keys.get(format_, ())]


def _named(near: Node, key: str, value: Node) -> Entry:
    return Entry(Scalar(near.span, key, key), value)
