"""The objects of known charts that Terraform installs, and what of them is the chart's own."""

from __future__ import annotations

from collections.abc import Iterator

from kubelint5xx.core.document import Document
from kubelint5xx.core.node import text
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import replace
from kubelint5xx.core.value import Default, Derived, Members, Subject, Value, Written
from kubelint5xx.eval.helm_release import helm_release
from kubelint5xx.eval.known_charts import Wanted, address_of, is_known, objects_of_release
from kubelint5xx.eval.resource import Resource
from kubelint5xx.link.objects import KubeObject, objects_of
from kubelint5xx.model.topology import Model

# What these install is read from the release itself, whatever its version.
_READ_ELSEWHERE = frozenset({"aws-node-termination-handler", "cluster-autoscaler", "karpenter", "karpenter-crd"})


def chart_objects(resource: Resource, problems: list[Problem]) -> Iterator[KubeObject]:
    """The objects that a ``helm_release`` makes of a known chart; a line where its chart or its values are not known.

    Charts in the tree are not among them.
    """
    inside = resource.span.source.inside
    if inside is not None and inside.product:
        # What a known module installs by itself need not be named.
        problems = []
    release = helm_release(resource)
    chart = text(release.chart) or ""
    if not chart or chart.startswith((".", "/")) or chart.rpartition("/")[2] in _READ_ELSEWHERE:
        return
    address = address_of(release.repository, chart)
    if not release.repository and "://" not in chart and not is_known(address):
        # A directory, or a name that only helm's own configuration knows.
        return
    if resource.count_unknown:
        if is_known(address):
            here = resource.span.in_file()
            message = f"a release of {chart}, not analysed: how many there are is not known"
            problems.append(Problem(here.path, here.line, message, "unrendered", here.column))
        return
    wanted = Wanted(address, release.version, release.name, release.namespace, release.values, release.header)
    roots, found = objects_of_release(wanted)
    problems.extend(found)
    for root in roots:
        document = Document(resource.span.source, "terraform", root, resource.address)
        yield from objects_of((document,), problems)


def with_chart_defaults(model: Model) -> Model:
    """The model, in which what a known chart says by itself is its default, and nothing that somebody wrote."""
    waiting: list[Subject | None] = [*model.clusters, *model.references, *model.attributes]
    for edge in model.edges:
        waiting += [edge.subject, edge.pod, edge.target_group, edge.cluster]
        waiting += [face for hop in (edge.sender, edge.receiver) for face in (hop.inbound, hop.outbound)]
    for membership in model.memberships:
        waiting += [membership.group, membership.target_group, membership.cluster]
    waiting += [*(one.subject for one in model.settings), *(one.subject for one in model.targets)]
    seen: set[int] = set()
    while waiting:
        subject = waiting.pop()
        if subject is None or id(subject) in seen:
            continue
        seen.add(id(subject))
        for name, value in list(subject.values.items()):
            subject.values[name] = _settled(value)
            if isinstance(value.data, Members):
                waiting.extend(value.data.items)
    return model


def _settled(value: Value, depth: int = 0) -> Value:
    match value.origin:
        case Written(span=span, setting=setting) if (inside := span.source.inside) is not None and inside.product:
            return replace(value, origin=Default(inside.product, setting or "values", inside.cite, span))
        case Derived(how=how, inputs=inputs) if inputs and depth < 20:
            settled = tuple(_settled(one, depth + 1) for one in inputs)
            return replace(value, origin=Derived(how, settled)) if settled != inputs else value
    return value
