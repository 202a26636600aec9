from __future__ import annotations

import pytest

from kubelint5xx.core.value import Confidence, Subject
from tests.link.infra import terraform
from tests.link.manifests import INGRESS, SERVICE, WEB, joined

PREFIX = "alb.ingress.kubernetes.io"


def target_group(service: str = SERVICE, annotations: str = "") -> Subject:
    (found,) = joined(WEB, service, INGRESS.replace("annotations: {}", f"annotations: {{{annotations}}}")).target_groups
    return found.subject


@pytest.mark.parametrize(
    ("kind", "opens"),
    [
        ("type: NodePort", True),
        ("type: ClusterIP", False),
        ("sessionAffinity: None", False),
        ("type: LoadBalancer", True),
        ("type: LoadBalancer\n  allocateLoadBalancerNodePorts: false", True),
        ("type: Sometimes", None),
    ],
)
def test_which_services_open_a_port_on_the_nodes(kind: str, opens: bool | None) -> None:
    groups = joined(WEB, SERVICE.replace("type: NodePort", kind), INGRESS).target_groups
    assert groups[0].subject.read("node_port").data is opens


def test_a_load_balancer_may_do_without_node_ports() -> None:
    service = SERVICE.replace("type: NodePort", "type: LoadBalancer\n  allocateLoadBalancerNodePorts: false")
    groups = joined(WEB, service.replace(", nodePort: 30080", ""), INGRESS).target_groups
    assert groups[0].subject.read("node_port").data is False


def test_what_the_controller_does_by_default_is_a_flag_of_it() -> None:
    written = target_group(annotations=f"{PREFIX}/target-type: instance").read("sends_to_nodes")
    usual = target_group().read("sends_to_nodes")
    assert (written.data, written.confidence) == (True, Confidence.HIGH)
    assert (usual.data, usual.confidence) == (True, Confidence.LOW)


def test_what_reaches_no_node_pins_no_connection() -> None:
    (edge,) = joined(WEB, SERVICE.replace("type: NodePort", "type: ClusterIP"), INGRESS).edges
    assert not edge.subject.read("pinned").known and not edge.subject.read("target_type").known


def test_slow_start_and_the_algorithm_are_attributes() -> None:
    attributes = "slow_start.duration_seconds=45,load_balancing.algorithm.type=weighted_random"
    given = f'{PREFIX}/target-group-attributes: "{attributes}"'
    group = target_group(annotations=given)
    assert (group.read("slow_start").data, group.read("algorithm").data) == (45.0, "weighted_random")
    usual = target_group()
    assert (usual.read("slow_start").data, usual.read("algorithm").data) == (0.0, "round_robin")


def test_the_annotation_of_the_service_replaces_that_of_the_ingress() -> None:
    own = f'annotations: {{{PREFIX}/target-group-attributes: "stickiness.enabled=true"}}'
    service = SERVICE.replace("namespace: shop}", f"namespace: shop, {own}}}")
    group = target_group(service, f'{PREFIX}/target-group-attributes: "deregistration_delay.timeout_seconds=10"')
    assert group.read("deregistration_delay").data == 300.0


@pytest.mark.parametrize(
    ("protocol", "balancer", "transport"),
    [
        ("HTTP", "alb", "plain"),
        ("HTTPS", "alb", "tls"),
        ("TCP", "nlb", ""),
        ("TLS", "nlb", "tls"),
        ("GENEVE", None, ""),
    ],
)
def test_the_protocol_of_a_target_group_tells_its_balancer(protocol: str, balancer: str | None, transport: str) -> None:
    infra = f'resource "aws_lb_target_group" "w" {{\n  protocol = "{protocol}"\n  slow_start = 5\n}}'
    (found,) = terraform(infra).target_groups
    assert (found.subject.read("balancer").data, found.subject.read("transport").data) == (balancer, transport)
    assert found.subject.read("slow_start").data == 5.0
