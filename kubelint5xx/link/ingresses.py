"""Ingresses: the balancers and proxies that their controllers make of them, and where these send requests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Unresolved, text
from kubelint5xx.core.record import field, record
from kubelint5xx.core.value import Subject, Value, Written
from kubelint5xx.hops.launch import Launch
from kubelint5xx.hops.resolve import Settings, build_hop
from kubelint5xx.link import aws_controller as aws
from kubelint5xx.link import ingress_nginx
from kubelint5xx.link.aws_controller import PREFIX, Candidate
from kubelint5xx.link.health_checks import ingress_health_check
from kubelint5xx.link.health_paths import ingress_health_path
from kubelint5xx.link.ingress_classes import ALB, GOOGLE, NGINX, Classes, Handler, handler_of
from kubelint5xx.link.lb_attributes import shared_attributes, without_refused
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.parts import TargetGroup
from kubelint5xx.link.paths import Paths, target_facts, traffic_policy, unknown_facts
from kubelint5xx.link.port_protocols import alb_transport, nginx_transport
from kubelint5xx.link.proxy_controllers import KNOWN
from kubelint5xx.link.readiness_gates import readiness_gate
from kubelint5xx.link.receivers import unknown_hop
from kubelint5xx.link.references import to_service
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.services import Backend, ServicePort, backends_of, port_of, service_of
from kubelint5xx.link.target_attributes import (
    node_port,
    reached_by,
    sends_to_nodes,
    spreading,
    target_group_attributes,
)
from kubelint5xx.link.workloads import Container, whole_number
from kubelint5xx.model.topology import Hop


@record(frozen=False)
class _Group:
    """Ingresses that share one ALB: members of a group, or one alone. ``name`` is the group's, if there is one."""

    name: str
    members: list[tuple[KubeObject, Handler]] = field(default_factory=list)

    @property
    def title(self) -> str:
        return f"the ALB of IngressGroup {self.name}" if self.name else f"the ALB of {self.members[0][0].title}"


def join_ingresses(scope: Scope, classes: Classes, paths: Paths) -> list[TargetGroup]:
    """The edges of all Ingresses of a scope, and the target groups that the AWS controller makes for them."""
    groups: dict[tuple[str, str], _Group] = {}
    proxied: list[tuple[KubeObject, Handler]] = []
    google: list[tuple[KubeObject, Iterable[ServicePort]]] = []
    for ingress in scope.of("Ingress"):
        handler = handler_of(ingress, scope, classes)
        if isinstance(handler, str):
            paths.note(ingress.title, f"its class is not known: {handler}", ingress.span)
        elif handler.kind == ALB:
            name = _group_name(ingress, handler)
            key = ("group", name) if name else ("ingress", f"{ingress.namespace}/{ingress.name} {ingress.span}")
            groups.setdefault(key, _Group(name)).members.append((ingress, handler))
        elif handler.kind == GOOGLE:
            google.append((ingress, _ports(ingress, scope, paths)))
        else:
            proxied.append((ingress, handler))
    found = [target_group for group in groups.values() for target_group in _join_alb(group, scope, paths)]
    _join_proxied(proxied, scope, paths)
    if google:
        from kubelint5xx.link.google_ingresses import join_google_ingresses

        found += join_google_ingresses(google, scope, paths)
    return found


def _group_name(ingress: KubeObject, handler: Handler) -> str:
    own = text(handler.params.at("spec", "group", "name")) if handler.params else None
    return own or text(ingress.annotation(f"{PREFIX}group.name")) or ""


def _join_alb(group: _Group, scope: Scope, paths: Paths) -> Iterable[TargetGroup]:
    first, handler = group.members[0]
    params = next((one.params for _, one in group.members if one.params), None)
    members = [ingress for ingress, _ in group.members]
    attributes = without_refused(aws.load_balancer_attributes(members, params))
    paths.attributes.extend(shared_attributes(group.title, members, params, handler.seen))
    label = "the load-balancer-attributes"
    alb = build_hop("aws_alb", group.title, first.span, (Settings("attributes", attributes, label),))
    for ingress, handler in group.members:
        seen: set[int] = set()
        for port in _ports(ingress, scope, paths):
            if id(port.node) not in seen:
                seen.add(id(port.node))
                yield _alb_target(alb, ingress, handler, port, scope, paths)


def _ports(ingress: KubeObject, scope: Scope, paths: Paths) -> Iterable[ServicePort]:
    """The Services' ports that an Ingress names and that are there."""
    for backend in backends_of(ingress):
        if isinstance(backend, Unresolved):
            paths.note(f"a backend of {ingress.title}", backend.reason, backend.span)
            continue
        targets: Iterable[Backend] = (backend,)
        if text(backend.port) == "use-annotation":
            targets = aws.forwarded(ingress, backend.service, backend.place)
        for target in targets:
            service = service_of(scope, ingress.namespace, target.service)
            port = port_of(service, target.port) if service else f"Service {target.service} is not among the files"
            if service is not None:
                paths.refer(to_service(f"the backend {target.service} of {ingress.title}", target.port, service))
            if isinstance(port, str):
                paths.note(f"a backend of {ingress.title}", port, target.place)
            else:
                yield port


def _alb_target(
    alb: Hop, ingress: KubeObject, handler: Handler, port: ServicePort, scope: Scope, paths: Paths
) -> TargetGroup:
    service, params = port.service, handler.params
    overlays = dict.fromkeys(thing.patched_by for thing in (ingress, service) if thing.patched_by)
    patched = tuple(f"overlay {overlay} was not built" for overlay in overlays)

    def candidates(name: str) -> tuple[Candidate, ...]:
        setting = PREFIX + name
        return Candidate(setting, service.annotation(setting)), Candidate(setting, ingress.annotation(setting))

    own = (Candidate("targetType", params.at("spec", "targetType")),) if params else ()
    target_type = aws.target_type((*own, *candidates("target-type")), ingress.span, patched, handler.auto_mode)
    protocol = aws.protocol(candidates("backend-protocol-version"), ingress.span, patched)
    attributes = target_group_attributes(service, ingress)
    name = f"the target group of {service.title}, port {port.number}, for {ingress.title}"
    subject = Subject("target_group", name, ingress.span, {})
    subject.values.update(
        deregistration_delay=aws.deregistration_delay((attributes,), ingress.span, patched),
        target_type=target_type,
        traffic_policy=traffic_policy(port),
        sends_to_nodes=sends_to_nodes(target_type),
        node_port=node_port(port),
        balancer=Value("alb", Written(ingress.span)),
        **spreading(attributes, ingress.span, patched),
        **ingress_health_check(service, ingress, patched, handler.auto_mode),
        **ingress_health_path(service, ingress, patched, handler.auto_mode),
        readiness_gate=readiness_gate(service, scope, handler.auto_mode),
    )
    reached = reached_by(target_type, subject.values["node_port"])
    facts = target_facts(reached, protocol, paths.config, "deregistration_propagation")
    facts["transport"] = alb_transport(candidates("backend-protocol"), ingress.span, patched)
    route = (Step(alb.name, alb.place), Step(ingress.title, ingress.span))
    paths.connect(alb, port, scope, facts, route, target_group=subject)
    number = port.node_port if target_type.data == "instance" else whole_number(port.target)
    version = {"http2": "HTTP2", "grpc": "GRPC"}.get(str(protocol.data), "HTTP1")
    address = f"{scope.name}:{ingress.title}/{service.name}:{port.number}"
    selector = aws.node_selector(candidates("target-node-labels"))
    return TargetGroup(address, subject, (alb,), None, number, version, route, selector, registered=True)


def _join_proxied(ingresses: Sequence[tuple[KubeObject, Handler]], scope: Scope, paths: Paths) -> None:
    controllers = paths.receivers.controllers(scope)
    senders: dict[str, Hop] = {}
    others: dict[str, list[tuple[KubeObject, str, Iterable[ServicePort]]]] = {}
    for ingress, handler in ingresses:
        if handler.kind == NGINX:
            _join_nginx(ingress, handler, controllers, scope, paths)
            continue
        if handler.kind in KNOWN:
            others.setdefault(handler.kind, []).append((ingress, handler.name, _ports(ingress, scope, paths)))
            continue
        if handler.name not in senders:
            name = (
                f"the ingress controller of class {handler.name}" if handler.name else "the default ingress controller"
            )
            senders[handler.name] = unknown_hop("proxy", name, ingress.span)
        for port in _ports(ingress, scope, paths):
            paths.connect(senders[handler.name], port, scope, unknown_facts(ingress, paths.config))
    if others:
        from kubelint5xx.link.proxied_ingresses import join_proxied

        for kind, taken in others.items():
            join_proxied(taken, KNOWN[kind], scope, paths)


def _join_nginx(
    ingress: KubeObject, handler: Handler, controllers: Sequence[tuple[Container, Scope]], scope: Scope, paths: Paths
) -> None:
    container: Container | None
    container, where = controllers[0] if len(controllers) == 1 else (None, scope)
    if len(controllers) > 1:
        paths.note(
            ingress.title,
            "several ingress-nginx controllers are here, and which one takes it is not known",
            ingress.span,
        )
    launch: Launch | None = paths.receivers.launch_of(container, None, where) if container else None
    sender = ingress_nginx.sender_for(ingress, container, launch, where, handler.name)
    paths.judge(sender)
    through = ingress_nginx.service_upstream(ingress, container, where)
    facts = ingress_nginx.facts_of(ingress, through, paths.config) | {"transport": nginx_transport(ingress)}
    for port in _ports(ingress, scope, paths):
        route = (Step(sender.name, sender.place), Step(ingress.title, ingress.span))
        paths.connect(sender, port, scope, facts, route)
