"""All that the rules can be about: hops, paths to a pod, node groups in target groups, clusters, settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kubelint5xx.config import BUDGETS, Config
from kubelint5xx.core.finding import Step
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Subject, Value
from kubelint5xx.model.knobs import OVER
from kubelint5xx.model.topology import Edge, Hop, Model


@record
class About:
    """One thing that rules of a kind are about: the names of their expressions, bound. The first is the focus."""

    over: str
    bindings: dict[str, Subject]
    route: tuple[Step, ...] = ()

    @property
    def focus(self) -> Subject:
        return self.bindings[next(iter(OVER[self.over]))]


def abouts(model: Model, config: Config) -> Iterator[About]:
    """All that rules can be about, in the model's order."""
    budgets: dict[int, Subject] = {}

    def about(over: str, bindings: dict[str, Subject], route: tuple[Step, ...] = ()) -> About:
        """With the budgets that hold where its focus stands."""
        found = About(over, bindings, route)
        own = config.at(place.path) if config.nested and (place := found.focus.place) else config
        if id(own) not in budgets:
            values = {name: own.budget(name) for name in BUDGETS}
            budgets[id(own)] = Subject("budget", "the configuration", None, values)
        bindings["budget"] = budgets[id(own)]
        return found

    no_cluster = Subject("cluster", "the cluster", None, {})
    no_target_group = Subject("target_group", "the target group", None, {})
    none_needed = Subject("target_group", "the target group", None, {"target_type": Value("none", Default(""))})
    onward = _onward(model.edges)
    for edge in model.edges:
        sender, receiver = edge.sender.outbound, edge.receiver.inbound
        without = none_needed if edge.sender.product and edge.sender.role != "balancer" else no_target_group
        target_group = edge.target_group or without
        here = {"edge": edge.subject, "sender": sender, "target_group": target_group}
        yield about("edge", {**here, "receiver": receiver}, edge.route)
        for inner in onward.get(_program(edge.receiver), (receiver,)):
            # A program without such a timeout waits for nothing that could be compared.
            if "response_timeout" in sender.values and "response_timeout" in inner.values:
                bound = {"edge": edge.subject, "sender": sender, "inner": inner}
                yield about("relay", {**bound}, edge.route)
        if edge.pod is not None:
            bound = {"pod": edge.pod, "server": receiver, "cluster": edge.cluster or no_cluster}
            yield about("serving", {**here, **bound}, edge.route)
    for member in model.memberships:
        cluster = member.cluster or no_cluster
        bound = {"group": member.group, "target_group": member.target_group, "cluster": cluster}
        yield about("membership", bound, member.route)
    for cluster in model.clusters:
        yield about("cluster", {"cluster": cluster})
    for setting in model.settings:
        cluster = setting.cluster or no_cluster
        yield about("setting", {"setting": setting.subject, "cluster": cluster})
    for target in model.targets:
        yield about("target_group", {"target_group": target.subject}, target.route)
    for reference in model.references:
        yield about("reference", {"reference": reference})
    for attribute in model.attributes:
        yield about("attribute", {"attribute": attribute})


def _onward(edges: Iterable[Edge]) -> dict[_Program, tuple[Subject, ...]]:
    """The faces with which each program sends requests on: a proxy may have another one for every route."""
    found: dict[_Program, dict[Subject, None]] = {}
    for edge in edges:
        found.setdefault(_program(edge.sender), {})[edge.sender.outbound] = None
    return {program: tuple(faces) for program, faces in found.items()}


_Program = tuple[str, str, Span | None]


def _program(hop: Hop) -> _Program:
    return hop.product, hop.name, hop.place
