"""OpenShift's Templates: objects with parameters, as ``oc process`` fills them in.

``${NAME}`` stands for a parameter's text, ``${{NAME}}`` as a whole value for its JSON. A parameter without a value is
given when the template is processed: what it stands in is unknown, except for names and labels, which are compared as
they are written. Source: the OpenShift documentation on using templates.
"""

from __future__ import annotations

from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, Unresolved, child, items, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.source import Span

GROUPS = ("template.openshift.io", "")
_PARAMETER = pattern(r"\$\{(\{)?([A-Za-z0-9_]+)\}(?(1)\})")
_WHOLE = pattern(r"-?\d{1,15}")
# What is compared with what others write, so that the same unknown text on both sides is the same.
_NAMES = frozenset({"name", "namespace", "serviceName", "labels", "matchLabels", "selector"})
_WORDS = {"true": True, "false": False, "null": None}


def filled(root: Mapping) -> tuple[Node, ...]:
    """The objects of a Template, with its parameters filled in."""
    given: dict[str, Scalar] = {}
    for item in items(root.get("parameters")):
        name, value = text(child(item, "name")), child(item, "value")
        if name is not None and isinstance(value, Scalar) and text(value):
            given[name] = value
    return tuple(_fill(one, given, False) for one in items(root.get("objects")))


def _fill(node: Node, given: dict[str, Scalar], naming: bool) -> Node:
    if isinstance(node, Mapping):
        entries = tuple(
            Entry(one.key, _fill(one.value, given, naming or str(one.key.value) in _NAMES)) for one in node.entries
        )
        return Mapping(node.span, entries, node.open)
    if isinstance(node, Sequence):
        return Sequence(node.span, tuple(_fill(one, given, naming) for one in node.items))
    written = text(node) or ""
    if not isinstance(node, Scalar) or "${" not in written:
        return node
    found = list(_PARAMETER.finditer(written))
    missing = [match[2] for match in found if match[2] not in given]
    if missing:
        return node if naming else Unresolved(node.span, f"the parameter {missing[0]} has no value", node.via)
    if not found:
        return node
    via: tuple[Span, ...] = (*node.via, node.span)
    if len(found) == 1 and found[0][0] == written:
        value = given[found[0][2]]
        raw = text(value) or ""
        return Scalar(value.span, _typed(raw) if found[0][1] else raw, raw, not found[0][1], via)
    whole = _PARAMETER.sub(lambda match: text(given[match[2]]) or "", written)
    return Scalar(node.span, whole, whole, True, node.via)


def _typed(raw: str) -> str | int | bool | None:
    return int(raw) if _WHOLE.fullmatch(raw) else _WORDS.get(raw, raw)
