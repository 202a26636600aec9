"""The request paths as JSON, for other programs and for the checks of other repositories.

``schemas/path.schema.json`` describes it. Within a version fields are only added. Places are ``file:line``; durations
are in seconds. Of texts nothing is given but the values of the vocabulary, so that no secret comes along.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from kubelint5xx import __version__
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Data, Default, Members, Subject, Value, Version, Written, in_words
from kubelint5xx.model.topology import Edge, Hop, Model, Target

VERSION = 1
UNLIMITED = "unlimited"


def render(model: Model) -> str:
    """The paths of ``model`` as a JSON text that ends with a line break. The same model gives the same text."""
    document = {
        "version": VERSION,
        "tool": {"name": "kubelint5xx", "version": __version__},
        "target_groups": [_target_group(target) for target in model.targets],
        "edges": [_edge(edge) for edge in model.edges],
        "clusters": [
            {**_subject(cluster), "names": sorted(names)}
            for cluster, names in zip(model.clusters, model.cluster_names, strict=True)
        ],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _target_group(target: Target) -> dict[str, Any]:
    return {
        **_subject(target.subject),
        "address": target.address,
        "name": target.name,
        "arn": None,
        "port": target.port,
        "target_type": target.subject.read("target_type").data,
        "protocol_version": target.protocol_version,
        "registered": target.registered,
        "route": [step.label for step in target.route],
        "balancers": [_hop(hop) for hop in target.balancers],
    }


def _hop(hop: Hop) -> dict[str, Any]:
    return {
        "called": hop.name,
        "place": _place(hop.place),
        "product": hop.product,
        "role": hop.role,
        "inbound": _values(hop.inbound.values),
        "outbound": _values(hop.outbound.values),
    }


def _edge(edge: Edge) -> dict[str, Any]:
    return {
        "sender": {"called": edge.sender.name, "place": _place(edge.sender.place)},
        "receiver": _hop(edge.receiver),
        "target_group": edge.target_group.name if edge.target_group else None,
        "cluster": edge.cluster.name if edge.cluster else None,
        "route": [{"label": step.label, "place": _place(step.place)} for step in edge.route],
        "values": _values(edge.subject.values),
    }


def _subject(subject: Subject) -> dict[str, Any]:
    return {"called": subject.name, "place": _place(subject.place), "values": _values(subject.values)}


def _values(values: Mapping[str, Value]) -> dict[str, Any]:
    # A set is of things that are not told.
    return {name: _value(value) for name, value in values.items() if not isinstance(value.data, Members)}


def _value(value: Value) -> dict[str, Any]:
    found: dict[str, Any] = {
        "data": _data(value.data),
        "text": in_words(value.data),
        "reason": value.reason or None,
        "confidence": str(value.confidence),
        "place": _place(value.place),
    }
    if not math.isinf(value.most):
        found["most"] = value.most
    match value.origin:
        case Written(setting=setting):
            return {**found, "origin": "written", "setting": setting}
        case Default(product=product, setting=setting, cite=cite, unseen=unseen):
            of = {"product": product, "setting": setting, "cite": cite, "unseen": list(unseen)}
            return {**found, "origin": "default", **of}
    return {**found, "origin": type(value.origin).__name__.lower()}


def _data(data: Data) -> bool | float | str | None:
    match data:
        case Version() | Members():
            return str(data)
        case float() if math.isinf(data):
            return UNLIMITED
    return data


def _place(span: Span | None) -> str | None:
    return f"{span.path}:{span.line}" if span else None
