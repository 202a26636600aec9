"""Services of Amazon ECS behind target groups: their tasks' containers as the servers that receive requests.

A container of a task says in other words what one of a pod says, so its start is read the same way. What differs is how
it ends: the scheduler deregisters a task and waits until its target is drained before it sends SIGTERM, so that there
is neither a preStop hook nor a readiness probe to look at; ``stopTimeout`` later comes SIGKILL.
Sources: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/load-balancer-connection-draining.html and
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubelint5xx.config import Config
from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Unresolved, items, text
from kubelint5xx.core.node import Sequence as List
from kubelint5xx.core.record import record, replace
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Join, Subject, Value, Written
from kubelint5xx.eval.resource import Resource
from kubelint5xx.link.attributes import blocks, is_set, text_at, value_of, why_unknown
from kubelint5xx.link.ecs_connect import behind_proxy
from kubelint5xx.link.ecs_containers import containers_of, pod_container
from kubelint5xx.link.ecs_targets import targets_of
from kubelint5xx.link.images import Builds
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.parts import Layer, TargetGroup
from kubelint5xx.link.paths import Facts, Paths
from kubelint5xx.link.receivers import Receiver, Receivers
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.target_bindings import group_protocol
from kubelint5xx.link.terraform_root import SERVICES, TASK_DEFINITIONS, Root
from kubelint5xx.link.workloads import Container, serving_container, workload_of
from kubelint5xx.model.knobs import DURATION

KIND, PRODUCT = "ECS service", "Amazon ECS"
_CONTAINERS = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html"
_DRAINING = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/load-balancer-connection-draining.html"
_AGENT = "the agent's ECS_CONTAINER_STOP_TIMEOUT"


@record(eq=False)
class _Service:
    """A service with its task definition's containers: as they are written, and as a pod's."""

    resource: Resource
    definition: Resource
    thing: KubeObject
    written: tuple[Mapping, ...]
    fargate: bool
    joins: tuple[Join, ...]


def link_ecs(roots: Sequence[Root], groups: Sequence[TargetGroup], builds: Builds, config: Config) -> Layer:
    """Edges from the balancers of ``groups`` to the containers of the services behind them."""
    paths = Paths(Receivers(builds, config), config)
    by_address = {group.address: group for group in groups}
    for root in roots:
        services = [found for resource in root.of(SERVICES) if (found := _service(root, resource, builds, paths))]
        scope = Scope(root.directory, tuple(service.thing for service in services))
        for service in services:
            _join(root, service, scope, by_address, paths)
    settings = tuple(paths.implausible.values())
    undecided = (*paths.undecided, *paths.receivers.undecided)
    return Layer(tuple(paths.edges), settings=settings, undecided=undecided)


def _service(root: Root, resource: Resource, builds: Builds, paths: Paths) -> _Service | None:
    if not any(True for _ in blocks(resource.body, "load_balancer")):
        return None
    named = resource.body.get("task_definition")
    definition = root.find(named, TASK_DEFINITIONS) or _of_family(root, named)
    if definition is None:
        reason = (why_unknown(named) if named else "") or "its task definition is not in the files"
        paths.note(f"the tasks of {resource.address}", reason, resource.span)
        return None
    found = containers_of(definition.body.get("container_definitions"))
    if isinstance(found, str):
        paths.note(f"the containers of {definition.address}", found, definition.span)
        return None
    name = text_at(resource.body, "name") or (resource.name if resource.by_terraform else resource.address)
    joins: list[Join] = []
    pods: list[Mapping] = []
    for container in found:
        pod, join = pod_container(container, builds)
        pods.append(pod)
        joins += [join] if join else []
    joins += [*resource.joins, *definition.joins]
    thing = KubeObject(KIND, "", "", name, _template(resource.span, pods), resource.span)
    fargate = _on_fargate(resource, definition)
    return _Service(resource, definition, thing, tuple(found), fargate, tuple(joins))


def _of_family(root: Root, named: Node | None) -> Resource | None:
    """A definition by its family, with or without a revision, as services name it: one that is not known, too."""
    said = named.text if isinstance(named, Unresolved) else text(named)
    wanted = (said or "").rpartition("/")[2].partition(":")[0]
    found = [one for one in root.of(TASK_DEFINITIONS) if wanted and text_at(one.body, "family") == wanted]
    return found[0] if len(found) == 1 else None


def _template(span: Span, containers: list[Mapping]) -> Mapping:
    root = Mapping(span, (_entry(span, "containers", List(span, tuple(containers))),))
    for key in ("spec", "template", "spec"):
        root = Mapping(span, (_entry(span, key, root),))
    return root


def _entry(span: Span, key: str, value: Node) -> Entry:
    return Entry(Scalar(span, key, key), value)


def _on_fargate(service: Resource, definition: Resource) -> bool:
    """Whether no agent of one's own has a say in how its containers are stopped."""
    said = text_at(service.body, "launch_type")
    if said is not None:
        return said == "FARGATE"
    compatible = [text(item) for item in items(definition.body.get("requires_compatibilities"))]
    return compatible == ["FARGATE"]


def _awsvpc(service: _Service) -> bool | None:
    """Whether its tasks have addresses of their own, as all have on Fargate; None where that is not known."""
    mode = service.definition.body.get("network_mode")
    if service.fargate or text(mode) == "awsvpc":
        return True
    return None if mode is not None and why_unknown(mode) else False


def _join(root: Root, service: _Service, scope: Scope, groups: dict[str, TargetGroup], paths: Paths) -> None:
    for block in blocks(service.resource.body, "load_balancer"):
        place = block.span.first_line()
        targets = targets_of(root, service.resource, block, service.written, groups)
        if isinstance(targets, str):
            if targets:
                paths.note(f"what sends requests to {service.thing.title}", targets, place)
            continue
        served = _container(service, block)
        if isinstance(served, str):
            paths.note(f"the container of {service.thing.title}", served, place)
            continue
        receiver = _as_task(paths.receivers.of_container(*served, scope), service)
        receiver = behind_proxy(receiver, served[1], service.resource, service.written, _awsvpc(service))
        for group in targets:
            joins = (Join(f"{service.thing.title} registers its tasks in {group.subject.name}", place), *service.joins)
            for balancer in group.balancers:
                steps = (Step(balancer.name, balancer.place), *(s for s in group.route if s.label != balancer.name))
                paths.edge(balancer, receiver, _facts(group), steps, joins, group.subject)
            origin = Default(PRODUCT, "", "", place)
            group.subject.values.setdefault("sends_to_nodes", Value(False, origin))
            group.subject.values.setdefault("node_port", Value(False, origin))


def _container(service: _Service, block: Mapping) -> tuple[Container, int | None] | str:
    workload = workload_of(service.thing)
    if workload is None:
        return "its task definition has no containers"
    name, port = text_at(block, "container_name"), pod_port(block.get("container_port"))
    number = port.value if isinstance(port, Scalar) and isinstance(port.value, int) else None
    for container in workload.containers():
        if name is not None and container.name == name:
            return container, number
    if name is not None and not any(why_unknown(one) for one in _names(service)):
        return f"no container of its task definition is called {name}"
    return serving_container(workload, port) if port is not None else "its container's port is not known"


def pod_port(node: Node | None) -> Node | None:
    """A port's number as pods write it, where it is written as text."""
    written = text(node) or ""
    if isinstance(node, Scalar) and written.isdecimal() and len(written) < 6:
        return Scalar(node.span, int(written), written, False, node.via)
    return node


def _names(service: _Service) -> Iterator[Node]:
    return (name for container in service.written if (name := container.get("name")) is not None)


def _as_task(receiver: Receiver, service: _Service) -> Receiver:
    """The receiver with what holds for a task instead of for a pod."""
    container = receiver.container
    written = next((one for one in service.written if one.get("name") is container.node.get("name")), None)
    given = written.get("stopTimeout") if written is not None else None
    unseen = () if service.fargate else (_AGENT,)
    default = Value(30.0, Default(PRODUCT, "stopTimeout", _CONTAINERS, container.place, unseen))
    if given is not None and is_set(given):
        grace = value_of(given, "stopTimeout", DURATION)
    elif written is not None and written.open:
        grace = Value.unknown(written.open, container.place)
    else:
        grace = default
    nothing = Default(PRODUCT, "", _DRAINING, container.place)
    values = {
        "grace": grace,
        "prestop": Value("none", nothing),
        "prestop_delay": Value(0.0, nothing),
        "prestop_stops": Value(False, nothing),
        **{name: receiver.pod.read(name) for name in ("shell", "passes_signals", "first_process")},
    }
    task = Subject("pod", f"the task of {service.thing.title}", container.place, values, receiver.pod.joins)
    behind = tuple(_as_task(inner, service) for inner in receiver.behind)
    return replace(receiver, pod=task, behind=behind)


def _facts(group: TargetGroup) -> Facts:
    place = group.subject.place
    registered = Default(PRODUCT, "", _DRAINING, place)
    direct = Value(False, registered)
    return {
        "protocol": group_protocol(group),
        "target_type": group.subject.read("target_type"),
        "transport": group.subject.read("transport"),
        "pinned": direct,
        "through_kube_proxy": direct,
        # SIGTERM is sent when the target is drained.
        "propagation": Value(0.0, registered),
        "of_task": Value(True, Written(place) if place else registered),
    }

