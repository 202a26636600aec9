"""Container definitions of Amazon ECS, however a template or a module writes them, as containers of pods."""

from __future__ import annotations

from kubelint5xx.core.node import (
    ATTRIBUTE,
    UNKNOWN,
    Entry,
    Mapping,
    Node,
    Reference,
    Scalar,
    Sequence,
    Unresolved,
    items,
    text,
)
from kubelint5xx.core.value import Join
from kubelint5xx.eval.encoded_json import decoded
from kubelint5xx.link.image_names import ImageName
from kubelint5xx.link.images import Builds

_MARKS = (UNKNOWN, ATTRIBUTE)
_KEYS = {"name": "name", "entryPoint": "command", "command": "args"}
# As the API spells them. Terraform's provider takes them in any case.
_API = "name image entryPoint command environment environmentFiles secrets portMappings stopTimeout"
_SPELLED = {key.lower(): key for key in _API.split()}


def containers_of(node: Node | None) -> list[Mapping] | str:
    """The containers of a task definition, in the API's own words; a text tells why they are not known."""
    if node is None:
        return "it has no container_definitions"
    if isinstance(node, (Scalar, Unresolved)) and node.encodes is not None:
        node = node.encodes
    elif isinstance(node, (Scalar, Unresolved)):
        node = decoded(node)
    if isinstance(node, Unresolved):
        return node.reason
    if not isinstance(node, Sequence):
        return f"they are set from {node.address}" if isinstance(node, Reference) else "they are not a list"
    found = [_spelled(item) for item in node.items if isinstance(item, Mapping)]
    unknown = next((item for item in node.items if not isinstance(item, Mapping)), None)
    if unknown is not None:
        return unknown.reason if isinstance(unknown, Unresolved) else "a container is not known"
    return found


def _spelled(container: Mapping) -> Mapping:
    names = {entry.key.value: _SPELLED.get(str(entry.key.value).lower()) for entry in container.entries}
    if all(name in (None, key) for key, name in names.items()):
        return container
    entries = (Entry(_named(e.key, names[e.key.value] or str(e.key.value)), e.value) for e in container.entries)
    return Mapping(container.span, tuple(entries), container.open)


def pod_container(container: Mapping, builds: Builds) -> tuple[Mapping, Join | None]:
    """The container as a pod's, and why a build is taken to make its image where that is not written.

    A task's ``entryPoint`` and ``command`` are what a pod calls ``command`` and ``args``.
    """
    found: list[Entry] = []
    for key, name in _KEYS.items():
        entry = container.entry(key)
        if entry is not None and not _is_null(entry.value):
            found.append(Entry(_named(entry.key, name), entry.value))
    image, join = _image(container, builds)
    if image is not None:
        found.append(Entry(Scalar(image.span, "image", "image"), image))
    for key, name, item_key in (("environment", "env", ""), ("portMappings", "ports", "containerPort")):
        entry = container.entry(key)
        if entry is None or _is_null(entry.value):
            continue
        value = _ports(entry.value, item_key) if item_key else _environment(container, entry.value)
        found.append(Entry(_named(entry.key, name), value))
    if container.get("environment") is None and items(container.get("secrets")):
        secrets = container.entry("secrets")
        assert secrets is not None
        found.append(Entry(_named(secrets.key, "env"), _environment(container, Sequence(secrets.value.span))))
    files = container.get("environmentFiles")
    if files is not None and not _is_null(files):
        unseen = Unresolved(files.span, "variables come from files in a bucket")
        found.append(Entry(Scalar(files.span, "envFrom", "envFrom"), unseen))
    return Mapping(container.span, tuple(found), container.open), join


def _environment(container: Mapping, given: Node) -> Node:
    """The variables, and those that are secrets as what pods call so."""
    if not isinstance(given, Sequence):
        return given
    secret: list[Node] = []
    for item in items(container.get("secrets")):
        name = item.get("name") if isinstance(item, Mapping) else None
        if name is not None:
            source = Mapping(item.span, (Entry(Scalar(item.span, "secretKeyRef", ""), Mapping(item.span)),))
            key = Scalar(item.span, "valueFrom", "valueFrom")
            secret.append(Mapping(item.span, (Entry(Scalar(name.span, "name", "name"), name), Entry(key, source))))
    return Sequence(given.span, (*given.items, *secret))


def _ports(given: Node, key: str) -> Node:
    if not isinstance(given, Sequence):
        return given
    ports: list[Node] = []
    for item in given.items:
        entry = item.entry(key) if isinstance(item, Mapping) else None
        written = text(entry.value) if entry is not None else None
        if entry is None or written is None or not written.isdecimal() or len(written) > 5:
            ports.append(item)
        else:
            ports.append(Mapping(item.span, (Entry(entry.key, Scalar(entry.value.span, int(written), written)),)))
    return Sequence(given.span, tuple(ports))


def _image(container: Mapping, builds: Builds) -> tuple[Node | None, Join | None]:
    """The image; where its registry is not known, by what is, and else by the container's name if a build has it."""
    image = container.get("image")
    if not isinstance(image, (Unresolved, Reference)):
        return image, None
    known = image.text if isinstance(image, Unresolved) else ""
    name = ImageName.parse(known).name
    if name and not any(mark in name for mark in _MARKS):
        written = known
        for mark in _MARKS:
            written = written.replace(mark, "unknown")
        return Scalar(image.span, written, written, True, image.via), None
    named = text(container.get("name"))
    if not named or builds.context_of(f"unknown/{named}", image.span.path) is None:
        return image, None
    written = f"unknown/{named}"
    why = f"the image of container {named} is not known, and taken to be built where its name leads"
    return Scalar(image.span, written, written, True, image.via), Join(why, image.span, assumed=True)


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def _named(key: Scalar, name: str) -> Scalar:
    return Scalar(key.span, name, name, key.quoted, key.via)
