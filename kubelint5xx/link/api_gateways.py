"""Amazon API Gateway in front of Lambda functions, and of load balancers that it reaches through a VPC link.

A REST API's integration names a function by its invocation ARN, or a link to Network Load Balancers; an HTTP API's
names the function, or a listener of a load balancer. Integrations in an OpenAPI document are not read.
Sources: https://docs.aws.amazon.com/apigateway/latest/api/API_Integration.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-private.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kubelint5xx.config import Config
from kubelint5xx.core.node import Node, items, text
from kubelint5xx.core.value import Default, Join
from kubelint5xx.eval.resource import Resource
from kubelint5xx.hops.resolve import Settings, build_hop
from kubelint5xx.link.attributes import is_set, text_at, why_unknown
from kubelint5xx.link.distributions import edge_from_outside
from kubelint5xx.link.terraform_root import (
    API_INTEGRATIONS,
    APIS,
    BALANCERS,
    FUNCTION_ALIASES,
    FUNCTIONS,
    HTTP_INTEGRATIONS,
    LISTENERS,
    VPC_LINKS,
    Root,
)
from kubelint5xx.model.topology import Edge, Hop, Undecided

_PRODUCTS = {"aws_api_gateway_integration": ("api_gateway_rest", "REST API")}
_HTTP = ("api_gateway_http", "HTTP API")
_CITE = "https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"


def join_api_gateways(
    root: Root, balancers: Mapping[tuple[str, str], Hop], config: Config, undecided: list[Undecided]
) -> Iterator[Edge]:
    """An edge from every integration to the function that it invokes, or to those of ``balancers`` (by their
    addresses, and their listeners') that it sends to. What is not known goes to ``undecided``."""
    functions: dict[str, Hop] = {}
    for resource in root.of((*API_INTEGRATIONS, *HTTP_INTEGRATIONS, *APIS)):
        named = _named(resource)
        if named is None or not _is_http(root, resource):
            continue
        targets: list[Hop] = []
        function = _function(root, named)
        if function is not None:
            if function.address not in functions:
                settings = (Settings("terraform", function.body, function.address),)
                name = f"the function {function.address}"
                functions[function.address] = build_hop("aws_lambda", name, function.span, settings)
            targets.append(functions[function.address])
        else:
            targets += _behind_link(root, resource, named, balancers)
        if not targets and (reason := why_unknown(named)):
            undecided.append(Undecided(f"what {resource.address} sends to", reason, named.span))
        for target in targets:
            product, noun = _PRODUCTS.get(resource.type, _HTTP)
            title = f"the {noun}'s integration {resource.address}"
            settings = (Settings("terraform", resource.body, resource.address),)
            gateway = build_hop(product, title, resource.span, settings)
            join = Join(f"{resource.address} sends to {target.name}", named.span)
            yield edge_from_outside(gateway, target, join, config, Default("API Gateway", "", _CITE, resource.span))


def _named(resource: Resource) -> Node | None:
    """What names the target of an integration. An API by itself makes one for what it was quickly created for."""
    for key in ("uri", "integration_uri", "target"):
        node = resource.body.get(key)
        if node is not None and is_set(node):
            return node
    return resource.body.get("connection_id")


def _is_http(root: Root, resource: Resource) -> bool:
    """Whether it is known that requests come to it: those of WebSocket APIs come by messages."""
    if resource.type not in HTTP_INTEGRATIONS:
        return True
    api = root.find(resource.body.get("api_id"), APIS)
    if api is None:
        # SAM's integrations are of HTTP APIs, and name none.
        return resource.body.get("api_id") is None
    return text_at(api.body, "protocol_type") == "HTTP"


def _function(root: Root, named: Node) -> Resource | None:
    found = root.find(named, (*FUNCTIONS, *FUNCTION_ALIASES))
    if found is not None and found.type in FUNCTION_ALIASES:
        return root.find(found.body.get("function_name"), FUNCTIONS)
    return found


def _behind_link(
    root: Root, resource: Resource, named: Node, balancers: Mapping[tuple[str, str], Hop]
) -> Iterator[Hop]:
    if text(resource.body.get("connection_type")) != "VPC_LINK":
        return
    listener = root.find(named, LISTENERS)
    if listener is not None:
        owner = root.find(listener.body.get("load_balancer_arn"), BALANCERS)
        for (address, of), hop in balancers.items():
            if owner is not None and address == owner.address and of in ("", listener.address):
                yield hop
        return
    link = root.find(resource.body.get("connection_id"), VPC_LINKS)
    targets = link.body.get("target_arns") if link is not None else None
    for target in items(targets) or ((targets,) if targets is not None else ()):
        owner = root.find(target, BALANCERS)
        for (address, _), hop in balancers.items():
            if owner is not None and address == owner.address:
                yield hop
