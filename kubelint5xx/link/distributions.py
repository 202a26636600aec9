"""CloudFront in front of load balancers: whose origins Terraform makes them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from kubelint5xx.config import Config
from kubelint5xx.core.finding import Step
from kubelint5xx.core.value import Default, Join, Subject, Value
from kubelint5xx.hops.resolve import Settings, build_hop
from kubelint5xx.link.attributes import blocks
from kubelint5xx.link.terraform_root import BALANCERS, DISTRIBUTIONS, Root
from kubelint5xx.model.topology import Edge, Hop

_NLB = "aws_nlb"
_ORIGINS = "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehaviorCustomOrigin.html"


def join_distributions(root: Root, balancers: Mapping[tuple[str, str], Hop], config: Config) -> Iterator[Edge]:
    """An edge from every origin that names one of ``balancers`` (by their addresses, and their listeners') to it."""
    for resource in root.of(DISTRIBUTIONS):
        for origin in blocks(resource.body, "origin"):
            domain = origin.get("domain_name")
            named = root.find(domain, BALANCERS)
            if named is None or domain is None:
                continue
            settings = (Settings("terraform", origin, resource.address),)
            cloudfront = build_hop("cloudfront", f"CloudFront {resource.address}", resource.span, settings)
            join = Join(f"the origin of {resource.address} is {named.address}", domain.span)
            for (address, _), balancer in balancers.items():
                if address == named.address:
                    origin_of = Default("CloudFront", "", _ORIGINS, cloudfront.place)
                    yield edge_from_outside(cloudfront, balancer, join, config, origin_of)


def past_flows(edges: Iterable[Edge]) -> list[Edge]:
    """The edges with all that stop at a network load balancer drawn on to what it passes their connections on to: it
    takes no part in requests, so what stands behind it is the sender's neighbour."""
    edges = list(edges)
    found: list[Edge] = []
    for edge in edges:
        if edge.receiver.product != _NLB:
            found.append(edge)
            continue
        for onward in edges:
            if onward.sender is edge.receiver:
                found.append(_drawn_on(edge, onward))
    return found


def edge_from_outside(sender: Hop, receiver: Hop, join: Join, config: Config, origin: Default) -> Edge:
    """The edge from a service of AWS at its edge to what it sends to. ``origin``: who says how it does that."""
    nature, spoken = Value(False, origin), Value("http1", origin)
    values = {
        "protocol": spoken,
        "spoken": spoken,
        # Which listener it comes to, and over what, is not looked at.
        "transport": Value("", origin),
        "pinned": nature,
        "through_kube_proxy": nature,
        "inside_pod": nature,
        "flow_idle": Value(math.inf, origin),
        "propagation": config.budget("endpoint_propagation"),
    }
    name = f"the way from {sender.name} to {receiver.name}"
    route = (Step(sender.name, sender.place), Step(receiver.name, receiver.place))
    return Edge(Subject("edge", name, receiver.place, values, (join,)), sender, receiver, route)


def _drawn_on(edge: Edge, onward: Edge) -> Edge:
    # What becomes of the pod when it leaves is the matter of who passes the connections on.
    name = f"the way from {edge.sender.name} to {onward.receiver.name}"
    joins = (*edge.subject.joins, *onward.subject.joins)
    subject = Subject("edge", name, onward.subject.place, onward.subject.values, joins)
    return Edge(subject, edge.sender, onward.receiver, (*edge.route[:1], *onward.route))
