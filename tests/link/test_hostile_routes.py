"""Routes, gateways and policies with anything in the place of anything."""

from __future__ import annotations

import pytest
import yaml

from tests.link.manifests import SERVICE, WEB, joined
from tests.link.test_aws_gateways import BALANCER, GATEWAY, TARGETS
from tests.link.test_platforms import KNATIVE, POLICY, TEMPLATE
from tests.link.test_proxies import HTTP_PROXY, INGRESS_ROUTE, ISTIO, RULE, TRAEFIK, of_class

JUNK: tuple[object, ...] = (
    7,
    [],
    {},
    "x",
    None,
    [1, {"a": "b"}],
    {"name": []},
    -1,
    "$(",
    True,
    "${NAME}",
    [None],
    [[{}]],
)
STACKS = {
    "gateway": (GATEWAY, BALANCER, TARGETS, SERVICE, WEB),
    "istio": (ISTIO, RULE, SERVICE, WEB),
    "traefik": (INGRESS_ROUTE, TRAEFIK, SERVICE, WEB),
    "contour": (HTTP_PROXY, SERVICE, WEB),
    "haproxy": (of_class("edge", "{haproxy-ingress.github.io/timeout-server: 9s}"), SERVICE, WEB),
    "platforms": (KNATIVE, TEMPLATE, POLICY),
}


def spoiled(node: object, junk: object) -> list[object]:
    """Copies of ``node``, in each of which one of the values at any depth is ``junk``."""
    found: list[object] = [junk]
    if isinstance(node, dict):
        found += [{**node, key: bad} for key, value in node.items() for bad in spoiled(value, junk)]
    elif isinstance(node, list):
        found += [[*node[:at], bad, *node[at + 1 :]] for at, value in enumerate(node) for bad in spoiled(value, junk)]
    return found


@pytest.mark.parametrize("name", STACKS)
def test_nothing_that_is_written_raises(name: str) -> None:
    documents = [one for text in STACKS[name] for one in yaml.safe_load_all(text)]
    total = 0
    for at, document in enumerate(documents):
        if document["kind"] == "Deployment" or (name != "platforms" and document["kind"] == "Service"):
            continue
        for junk in JUNK:
            for bad in spoiled(document, junk):
                total += 1
                if total % 5 == 0:
                    joined("---\n".join(yaml.safe_dump(one) for one in [*documents[:at], bad, *documents[at + 1 :]]))
    assert total > 100
