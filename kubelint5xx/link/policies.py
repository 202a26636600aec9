"""Kyverno's policies, as far as they change pods on their way into the cluster.

A ``mutate`` rule writes over what the manifests say, so that what it writes is not known from these. Rules for pods
hold for their controllers too (autogen). Source: the Kyverno documentation on mutate rules and on auto-gen rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from kubelint5xx.core.node import Mapping, Node, child, items, text
from kubelint5xx.core.value import Value
from kubelint5xx.link.objects import KubeObject, labels_of
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.workloads import Workload

_GRACE = "terminationGracePeriodSeconds"


def mutated_values(workload: Workload, scope: Scope) -> dict[str, Value]:
    """What a policy of the same scope writes over in the pods of a workload: the grace period, or nothing."""
    for policy in scope.of("ClusterPolicy", "Policy"):
        if policy.group != "kyverno.io" or (policy.kind == "Policy" and policy.namespace != workload.owner.namespace):
            continue
        for rule in items(policy.at("spec", "rules")):
            mutation = child(rule, "mutate")
            if mutation is not None and _GRACE in mutation.span.text and _matches(rule, workload):
                name = text(child(rule, "name")) or "without a name"
                reason = f"the rule {name} of {policy.title} writes {_GRACE} over"
                return {"grace": Value.unknown(reason, mutation.span.first_line())}
    return {}


def _matches(rule: Node, workload: Workload) -> bool:
    """Whether a rule may mean the workload or its pods; what it excludes is not looked at."""
    match = child(rule, "match")
    return any(_means(resources, workload) for resources in _resources(match))


def _resources(match: Node | None) -> Iterator[Mapping]:
    for one in (match, *items(child(match, "any")), *items(child(match, "all"))):
        resources = child(one, "resources")
        if isinstance(resources, Mapping):
            yield resources


def _means(resources: Mapping, workload: Workload) -> bool:
    kinds = [(text(item) or "").rpartition("/")[2] for item in items(resources.get("kinds"))]
    spaces = [text(item) or "" for item in items(resources.get("namespaces"))]
    names = [text(item) or "" for item in (*items(resources.get("names")), resources.get("name")) if text(item)]
    labels = labels_of(child(resources.get("selector"), "matchLabels"))
    owner: KubeObject = workload.owner
    own = labels_of(owner.at("metadata", "labels"))
    return (
        any(fnmatchcase(kind, wanted) for wanted in kinds for kind in (owner.kind, "Pod"))
        and (not spaces or any(fnmatchcase(owner.namespace or "default", one) for one in spaces))
        and (not names or any(fnmatchcase(owner.name, one) for one in names))
        and (labels.items() <= own.items() or labels.items() <= workload.labels.items())
    )
