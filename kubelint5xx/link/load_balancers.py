"""Services that bring a load balancer of their own, and those that open a port on every node."""

from __future__ import annotations

from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Mapping, Unresolved, text
from kubelint5xx.core.value import Default, Subject, Value, Written
from kubelint5xx.hops.resolve import Settings, build_hop
from kubelint5xx.link import aws_controller as aws
from kubelint5xx.link.aws_controller import NLB_PREFIX, Candidate
from kubelint5xx.link.health_checks import service_health_check
from kubelint5xx.link.health_paths import service_health_path
from kubelint5xx.link.lb_attributes import without_refused
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.parts import TargetGroup
from kubelint5xx.link.paths import Facts, Paths, node_port_facts, target_facts, traffic_policy
from kubelint5xx.link.port_protocols import service_transport
from kubelint5xx.link.readiness_gates import readiness_gate
from kubelint5xx.link.receivers import unknown_hop
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.services import ServicePort, ports_of
from kubelint5xx.link.target_attributes import node_port, reached_by, sends_to_nodes, spreading
from kubelint5xx.link.workloads import whole_number
from kubelint5xx.model.topology import Hop


def join_load_balancers(scope: Scope, paths: Paths) -> list[TargetGroup]:
    """The edges of Services of type LoadBalancer, and the target groups of those that are AWS NLBs."""
    found: list[TargetGroup] = []
    for service in scope.of("Service"):
        if service.group or text(service.at("spec", "type")) != "LoadBalancer":
            continue
        classic = None if aws.is_nlb(service) else _classic(service)
        for port in ports_of(service):
            if aws.is_nlb(service):
                found.append(nlb_target(port, scope, paths)[0])
            else:
                assert classic is not None
                facts = node_port_facts(service.span, paths.config) | {"transport": service_transport(service)}
                said = service.annotation(f"{NLB_PREFIX}backend-protocol")
                if classic.product and said is not None:
                    facts["protocol"] = Value("http1", Written(said.span, "backend-protocol"))
                paths.connect(classic, port, scope, facts)
    return found


def join_node_ports(scope: Scope, paths: Paths) -> None:
    """Edges to the NodePort Services that nothing known sends to: their clients are elsewhere."""
    for service in scope.of("Service"):
        kind = service.at("spec", "type")
        if service.group or kind is None or text(kind) != "NodePort":
            continue
        for port in ports_of(service):
            if id(port.node) not in paths.reached:
                sender = unknown_hop("balancer", f"the clients of {port.title}", service.span)
                paths.connect(sender, port, scope, node_port_facts(kind.span, paths.config))


def _classic(service: KubeObject) -> Hop:
    """A balancer by the cloud provider inside Kubernetes: on AWS a Classic Load Balancer, else of unknown make.

    It speaks HTTP only where the backend protocol says so; else it passes connections on as they are.
    """
    annotations = service.at("metadata", "annotations")
    keys = annotations.keys() if isinstance(annotations, Mapping) else []
    name = f"the load balancer of {service.title}"
    if not any(key.startswith(NLB_PREFIX) for key in keys):
        return unknown_hop("balancer", name, service.span)
    protocol = (text(service.annotation(f"{NLB_PREFIX}backend-protocol")) or "tcp").lower()
    if protocol not in ("http", "https"):
        return unknown_hop("balancer", f"the Classic Load Balancer of {service.title}", service.span)
    assert isinstance(annotations, Mapping)
    why = f"overlay {service.patched_by} was not built" if service.patched_by else annotations.open
    root = Mapping(annotations.span, annotations.entries, why)
    settings = (Settings("annotation", root, f"the annotations of {service.title}"),)
    return build_hop("aws_clb", f"the Classic Load Balancer of {service.title}", service.span, settings)


def nlb_target(port: ServicePort, scope: Scope, paths: Paths, reaches_pods: bool = True) -> tuple[TargetGroup, Facts]:
    """The target group of a Service's port that is a Network Load Balancer's, with the edges to its pods unless these
    are not among the files, and what holds of such edges."""
    service = port.service
    patched = (f"overlay {service.patched_by} was not built",) if service.patched_by else ()
    attributes = without_refused(aws.nlb_attributes(service, port.number))
    nlb = build_hop(
        "aws_nlb", f"the NLB of {service.title}", service.span, (Settings("attributes", attributes, "its attributes"),)
    )
    target_type = aws.nlb_target_type(service, patched)
    own = aws.string_map(service.annotation(f"{NLB_PREFIX}target-group-attributes"))
    name = f"the target group of {service.title}, port {port.number}"
    policy = traffic_policy(port)
    auto_mode = text(service.at("spec", "loadBalancerClass")) == "eks.amazonaws.com/nlb"
    subject = Subject("target_group", name, service.span, {})
    subject.values.update(
        deregistration_delay=aws.deregistration_delay((own,), service.span, patched),
        target_type=target_type,
        traffic_policy=policy,
        connection_termination=aws.connection_termination(own, service.span, patched),
        sends_to_nodes=sends_to_nodes(target_type),
        node_port=node_port(port),
        balancer=Value("nlb", Written(service.span)),
        **spreading(own, service.span, patched),
        **service_health_check(service, target_type, policy),
        **service_health_path(service, target_type, policy),
        readiness_gate=readiness_gate(service, scope, auto_mode),
    )
    open_port = subject.values["node_port"]
    facts = target_facts(reached_by(target_type, open_port), _protocol(service), paths.config)
    facts["transport"] = service_transport(service)
    if reaches_pods:
        paths.connect(nlb, port, scope, facts, target_group=subject)
    setting = f"{NLB_PREFIX}target-node-labels"
    number = port.node_port if target_type.data == "instance" else whole_number(port.target)
    group = TargetGroup(
        address=f"{scope.name}:{service.title}:{port.number}",
        subject=subject,
        balancers=(nlb,),
        port=number,
        route=(Step(nlb.name, nlb.place),),
        node_selector=aws.node_selector((Candidate(setting, service.annotation(setting)),)),
        registered=True,
    )
    return group, facts


def _protocol(service: KubeObject) -> Value:
    given = service.annotation(f"{NLB_PREFIX}backend-protocol")
    if isinstance(given, Unresolved):
        return Value.unknown(given.reason, given.span)
    # Connections pass as they are; what a Service is made for is HTTP/1 unless somebody says otherwise.
    return Value("http1", Default("kubelint5xx", f"{NLB_PREFIX}backend-protocol", "", service.span))
