"""The request paths as a flowchart in Mermaid's language, with the idle timeouts on the arrows."""

from __future__ import annotations

from collections.abc import Hashable

from kubelint5xx.core.value import Subject, in_words
from kubelint5xx.model.topology import Model
from kubelint5xx.report.snippet import visible


def render(model: Model) -> str:
    """A flowchart that ends with a line break: what requests pass, in order. On each arrow between two hops stand the
    idle timeouts of both sides. Nothing of it is code: labels are quoted, and their quotes written as entities."""
    names: dict[Hashable, str] = {}
    lines: list[str] = []
    arrows: dict[str, None] = {}

    def node(label: str, place: object) -> str:
        key = (label, place)
        if key not in names:
            names[key] = f"n{len(names)}"
            lines.append(f'  {names[key]}["{_quoted(label)}"]')
        return names[key]

    for edge in model.edges:
        steps = [(step.label, step.place) for step in edge.route] or [(edge.sender.name, edge.sender.place)]
        # Behind a proxy in its pod a request passes nothing that it has not passed before.
        steps = list(dict.fromkeys([*steps, (edge.receiver.name, edge.receiver.place)]))
        way, labels = [node(*step) for step in steps], [label for label, _ in steps]
        # What comes before the sender is on the arrows of the edge that leads to it.
        first = max((at for at, label in enumerate(labels[:-1]) if label == edge.sender.name), default=0)
        said = f"idle {_idle(edge.sender.outbound)} → {_idle(edge.receiver.inbound)}"
        for at in range(first, len(way) - 1):
            last = at == len(way) - 2
            arrow = f'-- "{_quoted(said)}" -->' if last else "-->"
            arrows[f"  {way[at]} {arrow} {way[at + 1]}"] = None
    return "\n".join(["flowchart LR", *lines, *arrows]) + "\n"


def _idle(face: Subject) -> str:
    value = face.values.get("idle_timeout")
    if value is None:
        return "none"
    return in_words(value.data) if value.known else "unknown"


def _quoted(label: str) -> str:
    text = visible(label).replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("#", "&num;")
