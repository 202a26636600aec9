"""The cluster autoscaler: how long it leaves a node to the load balancers that it is about to terminate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubelint5xx.core.node import Mapping, Node, items, text
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Value
from kubelint5xx.formats import argv
from kubelint5xx.link.attributes import length_of, text_at
from kubelint5xx.link.handlers import chart_setting, unread_values
from kubelint5xx.link.image_names import ImageName
from kubelint5xx.link.kube_proxy import arguments
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.terraform_root import HELM_RELEASES, Root
from kubelint5xx.link.workloads import workload_of

_NAME, _FLAG = "cluster-autoscaler", "node-delete-delay-after-taint"
_CITE = "https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md"


def removal_delay(scopes: Sequence[Scope], roots: Sequence[Root]) -> Value | None:
    """How long it waits between tainting a node and terminating it; None where none is in sight."""
    return only_delay([*_running(scopes), *_installed(roots)])


def only_delay(found: Sequence[Value]) -> Value | None:
    """The delay of the one cluster autoscaler that there is, or on which all that there are agree."""
    if len({value.data for value in found}) > 1:
        return Value.unknown("several cluster autoscalers are in the files", found[0].place)
    return found[0] if found else None


def _running(scopes: Sequence[Scope]) -> Iterator[Value]:
    for scope in scopes:
        for thing in scope.of("Deployment"):
            workload = workload_of(thing)
            for container in items(workload.spec.get("containers")) if workload else ():
                if not isinstance(container, Mapping):
                    continue
                if ImageName.parse(text(container.get("image")) or "").name == _NAME:
                    flags = list(argv.lookup(arguments(container), f"--{_FLAG}"))
                    yield _delay(flags[-1] if flags else None, thing.span, workload.unseen if workload else ())


def _installed(roots: Sequence[Root]) -> Iterator[Value]:
    for root in roots:
        for release in root.of(HELM_RELEASES):
            if (text_at(release.body, "chart") or "").rpartition("/")[2] != _NAME:
                continue
            setting, unread = chart_setting(release.body, f"extraArgs.{_FLAG}"), unread_values(release.body)
            if setting is None and unread:
                yield Value.unknown(unread, release.span)
            else:
                yield _delay(setting, release.span, ())


def _delay(node: Node | None, place: Span, unseen: tuple[str, ...]) -> Value:
    if node is not None:
        return length_of(node, f"--{_FLAG}")
    return Value(5.0, Default("the cluster autoscaler", f"--{_FLAG}", _CITE, place, unseen))
