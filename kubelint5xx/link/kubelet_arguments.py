"""What the kubelet is started with, as kubeadm's and Cluster API's objects write it."""

from __future__ import annotations

from kubelint5xx.core.node import Mapping, Node, Scalar, Unresolved, items, text


def given_to_kubelet(arguments: Node | None, name: str) -> Node | None:
    """The value of an argument: in a map, a list of names and values (kubeadm's v1beta4), or a list of flags."""
    if isinstance(arguments, Mapping):
        return arguments.get(name)
    if isinstance(arguments, Unresolved):
        return arguments
    for item in items(arguments):
        if isinstance(item, Mapping) and text(item.get("name")) == name:
            return item.get("value")
        flag, equals, value = (text(item) or "").partition("=")
        if equals and flag == f"--{name}":
            return Scalar(item.span, value, value)
    return None
