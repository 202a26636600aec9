"""Kubernetes objects that Terraform declares, in the shape of manifests and with Terraform's places.

The provider's blocks are the API's fields in snake case and, where they repeat, in the singular:
https://registry.terraform.io/providers/hashicorp/kubernetes/latest/docs
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from posixpath import basename, join
from typing import TYPE_CHECKING

from kubelint5xx.core.document import Document
from kubelint5xx.core.node import Entry, Mapping, Node, Reference, Scalar, Sequence, Unresolved, text
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record, replace
from kubelint5xx.formats.embedded import embedded
from kubelint5xx.link.attributes import hidden_blocks, why_unknown
from kubelint5xx.link.objects import KubeObject, objects_of

if TYPE_CHECKING:
    from kubelint5xx.eval.resource import Resource
    from kubelint5xx.link.terraform_root import Declared

# Secrets are left out: nothing here reads their data.
_KINDS = {
    "kubernetes_deployment": ("Deployment", "apps/v1"),
    "kubernetes_stateful_set": ("StatefulSet", "apps/v1"),
    "kubernetes_daemonset": ("DaemonSet", "apps/v1"),
    "kubernetes_daemon_set": ("DaemonSet", "apps/v1"),
    "kubernetes_pod": ("Pod", "v1"),
    "kubernetes_service": ("Service", "v1"),
    "kubernetes_ingress": ("Ingress", "networking.k8s.io/v1beta1"),
    "kubernetes_ingress_class": ("IngressClass", "networking.k8s.io/v1"),
    "kubernetes_namespace": ("Namespace", "v1"),
    "kubernetes_config_map": ("ConfigMap", "v1"),
    "kubernetes_pod_disruption_budget": ("PodDisruptionBudget", "policy/v1"),
    "kubernetes_horizontal_pod_autoscaler": ("HorizontalPodAutoscaler", "autoscaling/v2"),
}
_MANIFESTS = {"kubernetes_manifest": "manifest", "kubectl_manifest": "yaml_body"}
TYPES = frozenset(
    (*_MANIFESTS, *_KINDS, *(f"{kind}_{version}" for kind in _KINDS for version in ("v1", "v2", "v2beta2")))
)

_RELEASES = frozenset({"helm_release"})

# Blocks that repeat, with the field that lists them; those of one name only under some fields.
_LISTS = {
    "container": "containers",
    "init_container": "initContainers",
    "ephemeral_container": "ephemeralContainers",
    "env": "env",
    "env_from": "envFrom",
    "volume": "volumes",
    "volume_mount": "volumeMounts",
    "volume_device": "volumeDevices",
    "volume_claim_template": "volumeClaimTemplates",
    "toleration": "tolerations",
    "image_pull_secrets": "imagePullSecrets",
    "host_aliases": "hostAliases",
    "readiness_gate": "readinessGates",
    "topology_spread_constraint": "topologySpreadConstraints",
    "sysctl": "sysctls",
    "match_expressions": "matchExpressions",
    "match_fields": "matchFields",
    "http_header": "httpHeaders",
    "items": "items",
    "sources": "sources",
    "rule": "rules",
    "tls": "tls",
    "metric": "metrics",
    "required_during_scheduling_ignored_during_execution": "requiredDuringSchedulingIgnoredDuringExecution",
    "preferred_during_scheduling_ignored_during_execution": "preferredDuringSchedulingIgnoredDuringExecution",
    "node_selector_term": "nodeSelectorTerms",
    "option": "options",
}
_LISTS_UNDER = {("port", "spec"): "ports", ("port", "container"): "ports", ("port", "init_container"): "ports"}
_LISTS_UNDER[("path", "http")] = "paths"
# Texts by names of the user's own.
_MAPS = frozenset(
    ("labels", "annotations", "match_labels", "node_selector", "data", "binary_data", "limits", "requests")
)
_NAMES = {
    "cluster_ip": "clusterIP",
    "cluster_ips": "clusterIPs",
    "external_ips": "externalIPs",
    "load_balancer_ip": "loadBalancerIP",
    "host_ip": "hostIP",
    "host_pid": "hostPID",
    "host_ipc": "hostIPC",
    "client_ip": "clientIP",
}
# Numbers or names, which the provider takes as texts.
_NUMBERS = frozenset(("targetPort", "port", "servicePort", "number", "maxSurge", "maxUnavailable", "minAvailable"))
_MAX_DEPTH = 30


def terraform_objects(
    directory: str, module: Declared, problems: list[Problem], files: Collection[str] = ()
) -> Iterator[KubeObject]:
    """The objects of a root module, in its scope. What is not known of them is unresolved, as in the module.

    Those that Terraform reads from one of ``files``, which are manifests by themselves, are left out.
    """
    for release in module.resources(_RELEASES):
        from kubelint5xx.link.chart_objects import chart_objects

        for thing in chart_objects(release, problems):
            yield replace(thing, home=_home(directory, thing.span.path))
    declared = {resource.address: resource for resource in module.resources(TYPES)}
    for resource in declared.values():
        attribute = _MANIFESTS.get(resource.type)
        if attribute is not None:
            found = list(_manifests(resource.body.get(attribute), problems))
        else:
            body = _Blocks(declared, _kind(resource.type)[0]).converted(resource.body, "", 0)
            found = [replace(body, entries=(*_head(resource), *body.entries))] if isinstance(body, Mapping) else []
        for root in found:
            if root.span.in_file().path in files:
                continue
            document = Document(resource.span.source, "terraform", _named(root), resource.address)
            for thing in objects_of((document,), problems):
                place = thing.span if attribute else resource.span
                yield replace(thing, span=place, home=_home(directory, resource.span.path))


def _home(directory: str, path: str) -> str:
    # A plan's directory is the plan itself.
    return path if path == directory else join(directory, basename(path))


def _head(resource: Resource) -> tuple[Entry, Entry]:
    kind, api = _kind(resource.type)
    span = resource.span
    return (
        Entry(Scalar(span, "apiVersion", "apiVersion"), Scalar(span, api, api, True)),
        Entry(Scalar(span, "kind", "kind"), Scalar(span, kind, kind, True)),
    )


def _named(root: Mapping) -> Mapping:
    """The object with a name and a namespace that stand for what is not known: the expressions that give them.

    Objects whose namespaces are the same expression are in one namespace.
    """
    metadata = root.get("metadata")
    if not isinstance(metadata, Mapping):
        return root
    names = [
        Entry(entry.key, _spelled(entry.value)) if entry.key.value in ("name", "namespace") else entry
        for entry in metadata.entries
    ]
    changed = replace(metadata, entries=tuple(names))
    return replace(
        root, entries=tuple(Entry(e.key, changed) if e.value is metadata else e for e in root.entries)
    )


def _spelled(node: Node) -> Node:
    if not isinstance(node, (Unresolved, Reference)):
        return node
    said = (node.via[0] if node.via else node.span).text.strip('"')
    said = said if said.startswith("${") else f"${{{said}}}"
    return Scalar(node.span, said, said, True)


def _kind(type_: str) -> tuple[str, str]:
    kind, api = _KINDS.get(type_) or _KINDS[type_.rpartition("_v")[0]]
    if kind == "Ingress" and type_.endswith("_v1"):
        api = "networking.k8s.io/v1"
    return kind, api


def _manifests(node: Node | None, problems: list[Problem]) -> Iterator[Mapping]:
    """The manifests in an object, or in a text of YAML."""
    if isinstance(node, Mapping):
        yield node
    elif isinstance(node, Scalar) and isinstance(node.value, str):
        from kubelint5xx.formats import yaml

        reading = yaml.read(embedded(node))
        problems.extend(reading.problems)
        yield from (document.root for document in reading.documents if isinstance(document.root, Mapping))
    elif isinstance(node, Sequence):
        # The CDK applies lists of manifests.
        for item in node.items:
            if isinstance(item, (Mapping, Sequence)):
                yield from _manifests(item, problems)


@record
class _Blocks:
    """Turns the blocks of one resource into the fields of an object of ``kind``."""

    declared: dict[str, Resource]
    kind: str

    def converted(self, body: Node, parent: str, depth: int) -> Node:
        """A block as the API's object. Where it is not known what else it has, so is the object."""
        if isinstance(body, Reference):
            return self.followed(body, depth)
        if not isinstance(body, Mapping) or depth > _MAX_DEPTH:
            return body
        hidden = hidden_blocks(body)
        if "" in hidden:
            return Unresolved(body.span, hidden[""])
        found: list[Entry] = []
        lists: dict[str, list[Node]] = {}
        keys: dict[str, Scalar] = {}
        for entry in body.entries:
            name = str(entry.key.value)
            field = _field(name, parent)
            key = replace(entry.key, value=field, raw=field)
            if name in _MAPS or (name == "selector" and self.kind == "Service"):
                found.append(Entry(key, self.texts(entry.value, depth)))
            elif _list(name, parent) and not (name == "path" and isinstance(entry.value, Scalar)):
                keys.setdefault(field, key)
                items = entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
                lists.setdefault(field, []).extend(self.converted(item, name, depth + 1) for item in items)
            else:
                found.append(Entry(key, self.value(field, entry.value, name, depth)))
        found += [Entry(keys[field], _items(keys[field], nodes)) for field, nodes in lists.items()]
        for name, reason in hidden.items():
            field = _field(name, parent)
            found = [entry for entry in found if entry.key.value != field]
            found.append(Entry(Scalar(body.span, field, field), Unresolved(body.span, reason)))
        return Mapping(body.span, tuple(found))

    def value(self, field: str, node: Node, name: str, depth: int) -> Node:
        if isinstance(node, Sequence):
            # A block in JSON or in a plan: one of a kind is a list there, too.
            if len(node.items) == 1 and isinstance(node.items[0], Mapping):
                return self.converted(node.items[0], name, depth + 1)
            return node
        node = self.converted(node, name, depth + 1)
        if field == "name" and isinstance(node, Scalar) and node.via:
            # A name is where the thing that it names is declared, not where a variable gives it.
            node = replace(node, span=node.via[0], via=())
        number = text(node) or ""
        if field in _NUMBERS and isinstance(node, Scalar) and isinstance(node.value, str) and number.isdigit():
            return replace(node, value=int(number[:9]), quoted=False)
        return node

    def texts(self, node: Node, depth: int) -> Node:
        node = self.followed(node, depth) if isinstance(node, Reference) else node
        if not isinstance(node, Mapping):
            return node
        entries = (Entry(e.key, self.converted(e.value, "", depth + 1)) for e in node.entries)
        return replace(node, entries=tuple(entries))

    def followed(self, reference: Reference, depth: int) -> Node:
        """What another object of the module has where the reference points: a namespace's name, a pod's label."""
        resource = self.declared.get(reference.address)
        node: Node | None = resource.body if resource is not None and depth < _MAX_DEPTH else None
        for step in reference.attribute:
            if step.startswith("["):
                # Blocks are lists to expressions, and the first is the only one of those that objects refer to.
                node = node if step == "[0]" else None
            elif step.isdigit():
                node = node if step == "0" else None
            else:
                node = node.get(step) if isinstance(node, Mapping) else None
        if isinstance(node, Reference):
            return self.followed(node, depth + 1)
        return node if isinstance(node, (Scalar, Mapping)) else Unresolved(reference.span, why_unknown(reference))


def _items(key: Scalar, nodes: list[Node]) -> Node:
    unknown = next((node for node in nodes if isinstance(node, Unresolved)), None)
    return unknown or Sequence(key.span, tuple(nodes))


def _list(name: str, parent: str) -> str | None:
    return _LISTS_UNDER.get((name, parent)) or _LISTS.get(name)


def _field(name: str, parent: str) -> str:
    found = _list(name, parent) or _NAMES.get(name)
    if found:
        return found
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


