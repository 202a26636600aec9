"""PodDisruptionBudgets: which pods they select, and how many of them may be evicted at once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from kubelint5xx.core.node import Mapping, Node, Unresolved, child, items, text
from kubelint5xx.core.value import Assumed, Default, Derived, Value, Written
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.rollouts import number_or_percentage, replicas_of, share
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.workloads import Workload

_CITE = "https://kubernetes.io/docs/tasks/run-application/configure-pdb/"
_NONE_ELSEWHERE = "the files hold all PodDisruptionBudgets that there are"


def disruption_values(workload: Workload, scope: Scope, workloads: Sequence[Workload]) -> dict[str, Value]:
    """``disruption_budget`` and ``evictable`` of a workload's pods. ``workloads``: all of the scope, since a budget
    counts the pods of all that it selects."""
    owner = workload.owner
    found = scope.of("PodDisruptionBudget")
    chosen = [(budget, _selects(budget, workload)) for budget in found]
    mine = [budget for budget, selected in chosen if selected]
    unclear = next((budget for budget, selected in chosen if selected is None), None)
    no_limit = Value(math.inf, Default("Kubernetes", "PodDisruptionBudget", _CITE, owner.span))
    if mine:
        allowed = [_allowed(budget, scope, workloads) for budget in mine]
        unknown = next((value for value in allowed if not value.known), None)
        least = min(allowed, key=_number)
        doubt = unknown is not None and least.data != 0
        return {
            "disruption_budget": Value(True, Written(mine[0].span, "PodDisruptionBudget")),
            "evictable": unknown if doubt and unknown is not None else least,
        }
    if unclear is not None:
        reason = f"it is not known which pods {unclear.title} selects"
        return dict.fromkeys(("disruption_budget", "evictable"), Value.unknown(reason, unclear.span))
    absent = Default("Kubernetes", "PodDisruptionBudget", _CITE, owner.span, workload.unseen)
    # Where the files hold budgets of others, one for these pods would be among them.
    origin = absent if found else Assumed(_NONE_ELSEWHERE, owner.span)
    return {"disruption_budget": Value(False, origin), "evictable": no_limit}


def _number(value: Value) -> float:
    return float(value.data) if isinstance(value.data, (int, float)) else math.inf


def _selects(budget: KubeObject, workload: Workload) -> bool | None:
    """Whether a budget selects the workload's pods; None where that is not known."""
    ours, theirs = workload.owner.namespace, budget.namespace
    # Who applies the files may say the namespace that one of them leaves out.
    if ours and theirs and ours != theirs:
        return False
    selector = budget.at("spec", "selector")
    if isinstance(selector, Unresolved):
        return None
    if not isinstance(selector, Mapping):
        return False
    answers = [*_labels(child(selector, "matchLabels"), workload), *_expressions(selector, workload)]
    if selector.open:
        answers.append(None)
    return False if False in answers else None if None in answers else True


def _labels(wanted: Node | None, workload: Workload) -> Iterable[bool | None]:
    if isinstance(wanted, Unresolved):
        yield None
    for entry in wanted.entries if isinstance(wanted, Mapping) else ():
        value = text(entry.value)
        yield _has(workload, str(entry.key.value), None if value is None else {value})


def _expressions(selector: Mapping, workload: Workload) -> Iterable[bool | None]:
    for one in items(selector.get("matchExpressions")):
        key, operator = text(child(one, "key")), text(child(one, "operator"))
        values = [text(item) for item in items(child(one, "values"))]
        known = {value for value in values if value is not None}
        if key is None or len(known) < len(values):
            yield None
        elif operator in ("Exists", "DoesNotExist"):
            yield (key in workload.labels) is (operator == "Exists")
        elif operator in ("In", "NotIn"):
            has = _has(workload, key, known)
            yield None if has is None else has is (operator == "In")
        else:
            yield None


def _has(workload: Workload, key: str, values: set[str] | None) -> bool | None:
    if key in workload.labels:
        return None if values is None else workload.labels[key] in values
    written = child(workload.metadata, "labels", key)
    # The label is there, and what it says is not known.
    return None if written is not None or isinstance(child(workload.metadata, "labels"), Unresolved) else False


def _allowed(budget: KubeObject, scope: Scope, workloads: Sequence[Workload]) -> Value:
    """How many pods a budget lets be evicted while all are there."""
    counts = [replicas_of(one, scope) for one in workloads if _selects(budget, one)]
    numbers = [value.data for value in counts if isinstance(value.data, int)]
    how = f"the evictions that {budget.title} allows at once"
    whole = counts[0] if len(counts) == 1 else Value(sum(numbers), Derived("all pods that it selects", tuple(counts)))
    if len(numbers) < len(counts):
        reason = next(value.reason for value in counts if not value.known)
        whole = Value(None, Derived(how, tuple(counts)), reason)
    for key in ("maxUnavailable", "minAvailable"):
        node = budget.at("spec", key)
        if node is None:
            continue
        given = number_or_percentage(node, key)
        part = share(given, whole, up=True)
        if key == "maxUnavailable" or not part.known:
            return part
        assert isinstance(part.data, int)
        if not isinstance(whole.data, int):
            return Value(None, Derived(how, (given, whole)), whole.reason)
        return Value(max(0, whole.data - part.data), Derived(how, (given, whole)))
    return Value.unknown(f"{budget.title} says neither minAvailable nor maxUnavailable", budget.span)
