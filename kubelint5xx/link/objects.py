"""Kubernetes objects, out of the documents that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kubelint5xx.core.document import Document
from kubelint5xx.core.node import Mapping, Node, Scalar, Sequence, Unresolved, child, items, text
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span

# Objects of these kinds are in no namespace, also where a chart is installed into one.
_OF_CLUSTER = frozenset(
    {"EC2NodeClass", "GatewayClass", "IngressClass", "IngressClassParams", "Namespace", "Node", "NodeClass", "NodePool"}
)
# How Talos' configuration of a machine, which has no kind, is called here, and what may stand in one
# (https://docs.siderolabs.com/talos/latest/reference/configuration/v1alpha1/config).
TALOS = "Talos machine"
_TALOS = frozenset({"version", "debug", "persist", "machine", "cluster"})
_MAX_LISTS = 3  # Lists of lists are rare, and lists of themselves hostile.


@record(eq=False)
class KubeObject:
    """One object. ``namespace`` is empty where the file does not say it (``default`` is written as empty, too).

    ``span`` is where messages point for the whole object: its name, else its kind. ``patched_by`` names overlays in
    the tree that were not built and may change it; empty where none does. ``home`` is the path that its scope follows
    from, where that is not its file's: a module's objects belong to the root that calls it.
    """

    kind: str
    api: str
    namespace: str
    name: str
    root: Mapping
    span: Span
    origin: str = ""
    patched_by: str = ""
    home: str = ""

    @property
    def path(self) -> str:
        return self.home or self.span.path

    @property
    def group(self) -> str:
        """The API group, empty for the core group."""
        return self.api.rpartition("/")[0]

    @property
    def title(self) -> str:
        """How messages call it: ``Deployment shop/api``."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    def at(self, *path: str | int) -> Node | None:
        return child(self.root, *path)

    def annotation(self, key: str) -> Node | None:
        return child(self.root, "metadata", "annotations", key)


def objects_of(documents: Iterable[Document], problems: list[Problem]) -> Iterator[KubeObject]:
    """Every object in the documents, with lists unpacked. What has no kind is not an object, and nothing is said."""
    for document in documents:
        yield from _unpack(document, document.root, problems)


def _unpack(document: Document, root: Node, problems: list[Problem], depth: int = 0) -> Iterator[KubeObject]:
    if not isinstance(root, Mapping):
        return
    kind, api = root.get("kind"), root.get("apiVersion")
    if kind is None and isinstance(machine := root.get("machine"), Mapping) and _TALOS.issuperset(_keys(root)):
        yield KubeObject(TALOS, "talos.dev/v1alpha1", "", "", root, machine.span.first_line(), document.origin)
        return
    if not isinstance(kind, Scalar) or not isinstance(kind.value, str) or text(api) is None:
        return
    members = root.get("items") if kind.value.endswith("List") else None
    if members is not None:
        if isinstance(members, Sequence) and depth < _MAX_LISTS:
            for member in members.items:
                yield from _unpack(document, member, problems, depth + 1)
        return
    if kind.value == "Template" and isinstance(root.get("objects"), Sequence):
        from kubelint5xx.link.templates import GROUPS, filled

        if (text(api) or "").rpartition("/")[0] in GROUPS and depth < _MAX_LISTS:
            for member in filled(root):
                yield from _unpack(document, member, problems, depth + 1)
            return
    metadata = root.get("metadata")
    if metadata is not None and not isinstance(metadata, (Mapping, Unresolved)):
        problems.append(_wrong(metadata.span, f"metadata of this {kind.value} is not a mapping"))
        return
    spec = root.get("spec")
    if spec is not None and not isinstance(spec, (Mapping, Unresolved)) and not _is_null(spec):
        problems.append(_wrong(spec.span, f"spec of this {kind.value} is not a mapping"))
        return
    name = child(metadata, "name")
    namespace = text(child(metadata, "namespace")) or ("" if kind.value in _OF_CLUSTER else document.namespace)
    yield KubeObject(
        kind=kind.value,
        api=text(api) or "",
        namespace="" if namespace == "default" else namespace,
        name=text(name) or "",
        root=root,
        span=name.span if isinstance(name, Scalar) else kind.span,
        origin=document.origin,
        home=document.home,
    )


def _keys(root: Mapping) -> list[object]:
    return [entry.key.value for entry in root.entries]


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def _wrong(span: Span, message: str) -> Problem:
    return Problem(span.path, span.line, message, "unreadable", span.column)


def labels_of(node: Node | None) -> dict[str, str]:
    """A mapping of texts, such as labels or a selector; what is not a text is left out."""
    found: dict[str, str] = {}
    if isinstance(node, Mapping):
        for entry in node.entries:
            value = text(entry.value)
            if value is not None:
                found[str(entry.key.value)] = value
    return found


def named(node: Node | None, key: str, name: str) -> Mapping | None:
    """The item of a sequence of mappings whose ``key`` is ``name``."""
    for item in items(node):
        if isinstance(item, Mapping) and text(item.get(key)) == name:
            return item
    return None
