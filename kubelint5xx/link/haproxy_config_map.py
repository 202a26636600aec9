"""The ConfigMap of HAProxy's controllers, which their command line names.

Sources: haproxy-ingress/templates/_podtemplate.yaml of haproxy-ingress/charts, and documentation/README.md of
haproxytech/kubernetes-ingress.
"""

from __future__ import annotations

from kubelint5xx.core.node import Mapping, Node, Sequence, Unresolved, items, text
from kubelint5xx.formats import argv as command_lines
from kubelint5xx.hops.resolve import Settings
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.workloads import Container


def line_of(container: Container) -> Sequence:
    """The command line as the manifest has it."""
    words = (*items(container.node.get("command")), *items(container.node.get("args")))
    return Sequence(container.place, words)


def config_map_of(container: Container, title: str, scope: Scope) -> Settings:
    """What the ConfigMap of the controller ``title`` says; nothing where none is named."""
    label = f"the ConfigMap of {title}"
    flag = command_lines.lookup(line_of(container), "--configmap")
    if not flag:
        return Settings("configmap", None, label)
    space, _, name = (text(flag[-1]) or "").rpartition("/")
    if not name or "$" in name:
        return Settings("configmap", None, label, "the name of its ConfigMap is not known")
    namespace = container.workload.owner.namespace if not space or "$" in space else space
    found = scope.find("ConfigMap", "" if namespace == "default" else namespace, name)
    if found is None:
        by_name = [one for one in scope.of("ConfigMap") if one.name == name]
        if len(by_name) != 1:
            return Settings("configmap", None, label, f"ConfigMap {name} is not among the files")
        found = by_name[0]
    return of_object("configmap", found, found.at("data"))


def of_object(form: str, thing: KubeObject, node: Node | None) -> Settings:
    """What one object says at a node of it."""
    why = f"overlay {thing.patched_by} was not built" if thing.patched_by else ""
    if isinstance(node, Unresolved):
        return Settings(form, None, thing.title, node.reason)
    if isinstance(node, Mapping):
        return Settings(form, Mapping(node.span, node.entries, node.open or why), thing.title)
    return Settings(form, None, thing.title, why)
