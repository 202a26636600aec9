"""Where a service of Amazon ECS registers its tasks: target groups, the other one of a pair, classic load balancers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kubelint5xx.core.node import Mapping as Body
from kubelint5xx.core.node import Node, items, text
from kubelint5xx.core.record import replace
from kubelint5xx.eval.resource import Resource
from kubelint5xx.link.attributes import blocks, is_set, text_at, whole, why_unknown
from kubelint5xx.link.parts import TargetGroup
from kubelint5xx.link.terraform_root import CLASSIC, DEPLOYMENT_GROUPS, SERVICES, TARGET_GROUPS, Root

Groups = Mapping[str, TargetGroup]


def targets_of(
    root: Root, service: Resource, block: Body, containers: Sequence[Body], groups: Groups
) -> list[TargetGroup] | str:
    """The target groups that a ``load_balancer`` block names, each with the balancers that send to it; a text tells
    why they are not known, and is empty where the block names none.

    With blue/green deployments tasks are registered in one target group of a pair, and listeners are moved between
    both: what sends to the one sends to the other, after the next deployment. ``containers`` are the task's own.
    Sources: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-bluegreen.html and
    https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-ecs.html
    """
    target = block.get("target_group_arn")
    if target is None or not is_set(target):
        return _classic(root, block, containers, groups)
    found: dict[str, TargetGroup] = {}
    for node in (target, *_alternatives(root, service, block)):
        resource = root.find(node, TARGET_GROUPS)
        group = groups.get(root.unique(resource)) if resource is not None else None
        if group is not None:
            found.setdefault(group.address, group)
    if not found:
        return why_unknown(target) or "its target group is not in the files"
    sending = next((group for group in found.values() if group.balancers), None)
    if sending is None:
        return list(found.values())
    idle = {"balancers": sending.balancers, "senders": sending.senders}
    return [
        group if group.balancers else replace(group, **idle, route=(*sending.route[:-1], *group.route))
        for group in found.values()
    ]


def _alternatives(root: Root, service: Resource, block: Body) -> Iterator[Node | None]:
    """What names the other target groups of the pair: the block itself, or a deployment group of CodeDeploy."""
    for more in blocks(block, "advanced_configuration"):
        yield more.get("alternate_target_group_arn")
    named = text_at(service.body, "name")
    for deployment in root.of(DEPLOYMENT_GROUPS):
        for of in blocks(deployment.body, "ecs_service"):
            owner = root.find(of.get("service_name"), SERVICES)
            if owner is service or (owner is None and named and text_at(of, "service_name") == named):
                for pair in blocks(deployment.body, "load_balancer_info", "target_group_pair_info", "target_group"):
                    yield pair.get("name")


def _classic(root: Root, block: Body, containers: Sequence[Body], groups: Groups) -> list[TargetGroup] | str:
    """A classic load balancer sends to the port of the host that the container's is mapped to."""
    balancer = block.get("elb_name")
    if balancer is None or not is_set(balancer):
        return ""
    resource = root.find(balancer, CLASSIC)
    if resource is None:
        return why_unknown(balancer) or "its load balancer is not in the files"
    own = {address: group for address, group in groups.items() if address.startswith(f"{root.unique(resource)}#")}
    ports = set(_host_ports(block, containers))
    found = [group for group in own.values() if group.port in ports]
    if not found and len(own) == 1:
        found = list(own.values())
    return found or f"it is not known which listener of {resource.address} sends to the container"


def _host_ports(block: Body, containers: Sequence[Body]) -> Iterator[int | None]:
    name, port = text_at(block, "container_name"), whole(block.get("container_port"))
    for container in containers:
        if name is not None and text(container.get("name")) not in (None, name):
            continue
        for mapping in items(container.get("portMappings")):
            if isinstance(mapping, Body) and whole(mapping.get("containerPort")) == port:
                yield whole(mapping.get("hostPort")) or port
