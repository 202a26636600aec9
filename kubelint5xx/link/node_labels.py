"""Labels of nodes: those that keep a node out of load balancers, and those that were meant to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kubelint5xx.core.node import Node, Scalar, text
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Subject, Value, Written
from kubelint5xx.link.attributes import why_unknown, written
from kubelint5xx.model.topology import Setting

EXCLUSION_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers"
LEGACY_EXCLUSION_LABEL = "alpha.service-controller.kubernetes.io/exclude-balancer"

_CITE = "https://kubernetes.io/docs/reference/labels-annotations-taints/#node-kubernetes-io-exclude-from-external-load-balancers"
_LIKENESS = 0.8


def excluded(labels: Mapping[str, Node] | None, unknown: str, place: Span, keys: Mapping[str, Span]) -> Value:
    """Whether the labels keep a group's nodes out of load balancers: the key counts, whatever its value.

    ``keys``: where each key is written. Which controller reads the alpha label is not known here, so that it alone
    leaves the answer open.
    """
    if labels is not None and EXCLUSION_LABEL in labels:
        return written(True, keys.get(EXCLUSION_LABEL, place), EXCLUSION_LABEL)
    if unknown or labels is None:
        return Value.unknown(unknown or "the labels of its nodes are not known", place)
    if LEGACY_EXCLUSION_LABEL in labels:
        return Value.unknown(
            f"only the AWS Load Balancer Controller reads {LEGACY_EXCLUSION_LABEL}",
            keys.get(LEGACY_EXCLUSION_LABEL, place),
        )
    return Value(False, Default("Kubernetes", EXCLUSION_LABEL, _CITE, place))


def excluded_with_controller(excluded: Value, labels: Mapping[str, Node] | None, controller: Value | None) -> Value:
    """The answer of ``excluded`` once it is known whether the AWS Load Balancer Controller is in use."""
    if excluded.known or labels is None or LEGACY_EXCLUSION_LABEL not in labels or controller is None:
        return excluded
    if controller.data is True and excluded.place is not None:
        return Value(True, Written(excluded.place, LEGACY_EXCLUSION_LABEL))
    return excluded


def label_settings(pairs: Iterable[tuple[Scalar, Node]], about: str, cluster: Subject | None = None) -> list[Setting]:
    """The labels that keep nodes out of load balancers, or look as if they should, to be judged where they stand."""
    found: list[Setting] = []
    for key, value in pairs:
        name = str(key.value)
        if not concerns_exclusion(name):
            continue
        said = text(value)
        shown = Value.unknown(why_unknown(value) or "it is not a text", value.span)
        values = {
            "where": written("node-label", key.span),
            "key": Value(name, Written(key.span)),
            "text": Value(said, Written(value.span, name)) if said is not None else shown,
        }
        found.append(Setting(Subject("setting", f"the label {name} of {about}", key.span, values), cluster))
    return found


def concerns_exclusion(key: str) -> bool:
    """Whether a label's key is one of the exclusion labels, or so like one that it may have been meant."""
    if key.rpartition("/")[2] in (EXCLUSION_LABEL.rpartition("/")[2], LEGACY_EXCLUSION_LABEL.rpartition("/")[2]):
        return True
    from difflib import SequenceMatcher

    return any(
        abs(len(key) - len(label)) <= 3 and SequenceMatcher(None, key, label, False).ratio() >= _LIKENESS
        for label in (EXCLUSION_LABEL, LEGACY_EXCLUSION_LABEL)
    )
