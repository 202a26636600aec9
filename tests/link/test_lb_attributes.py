from __future__ import annotations

import pytest

from kubelint5xx.core.value import Confidence
from kubelint5xx.link.parts import Layer
from tests.link.manifests import INGRESS, SERVICE, WEB, joined, only

PREFIX = "alb.ingress.kubernetes.io"
CLASS = """
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: alb}
spec: {controller: ingress.k8s.aws/alb}
"""


def annotated(given: str, name: str = "web") -> str:
    ingress = INGRESS.replace("annotations: {}", f"annotations: {{{given}}}")
    return ingress.replace("  name: web\n", f"  name: {name}\n", 1)


def attributes(layer: Layer) -> dict[str, tuple[object, object]]:
    return {
        str(one.subject.read("key").data): (one.subject.read("holder").data, one.subject.read("text").data)
        for one in layer.settings
        if one.subject.read("where").data == "lb-attribute"
    }


def test_every_attribute_stands_where_it_is_written() -> None:
    given = f'{PREFIX}/load-balancer-attributes: "idle_timeout.timeout_seconds=90, routing.http2.enabled=true"'
    layer = joined(WEB, SERVICE, annotated(given))
    assert attributes(layer) == {
        "idle_timeout.timeout_seconds": ("load balancer", "90"),
        "routing.http2.enabled": ("load balancer", "true"),
    }
    (setting,) = [one for one in layer.settings if one.subject.read("key").data == "idle_timeout.timeout_seconds"]
    assert setting.subject.read("length").data == 90.0
    assert setting.subject.place is not None and setting.subject.place.text == "idle_timeout.timeout_seconds"


def test_listeners_and_the_class_have_attributes_as_well() -> None:
    params = """
    apiVersion: elbv2.k8s.aws/v1beta1
    kind: IngressClassParams
    metadata: {name: alb}
    spec:
      loadBalancerAttributes: [{key: waf.fail_open.enabled, value: "true"}]
      listeners:
        - protocol: HTTPS
          port: 443
          listenerAttributes: [{key: routing.http.response.server.enabled, value: "false"}]
    """
    given = f'{PREFIX}/listener-attributes.HTTPS-443: "tcp.idle_timeout.seconds=90"'
    assert attributes(joined(WEB, SERVICE, annotated(given), params)) == {
        "tcp.idle_timeout.seconds": ("listener", "90"),
        "waf.fail_open.enabled": ("load balancer", "true"),
        "routing.http.response.server.enabled": ("listener", "false"),
    }


@pytest.mark.parametrize("value", ["0", "4001", "60s", "a minute"])
def test_what_aws_refuses_is_unknown_to_everything_else(value: str) -> None:
    given = f'{PREFIX}/load-balancer-attributes: "idle_timeout.timeout_seconds={value}"'
    edge = only(joined(WEB, SERVICE, annotated(given)))
    assert not edge.sender.outbound.read("idle_timeout").known


def group(second: str, *more: str) -> Layer:
    both = f"{PREFIX}/group.name: shop, {PREFIX}/load-balancer-attributes"
    first = annotated(f'{both}: "idle_timeout.timeout_seconds=60"')
    other = annotated(f"{both}: {second}", "admin")
    return joined(WEB, SERVICE, first, other, *more)


def test_members_of_a_group_that_differ_are_told_with_both_values() -> None:
    (conflict,) = group('"idle_timeout.timeout_seconds=30"', CLASS).attributes
    told = {name: conflict.read(name).data for name in ("key", "value", "other", "setter", "other_setter", "of_class")}
    assert told == {
        "key": "idle_timeout.timeout_seconds",
        "value": "60",
        "other": "30",
        "setter": "Ingress shop/web",
        "other_setter": "Ingress shop/admin",
        "of_class": False,
    }
    assert conflict.name == "the attribute idle_timeout.timeout_seconds of the ALB of IngressGroup shop"


def test_without_the_class_it_is_not_sure_that_nobody_decides() -> None:
    seen, unseen = (group('"idle_timeout.timeout_seconds=30"', *more).attributes[0] for more in ((CLASS,), ()))
    assert seen.read("of_class").confidence > Confidence.LOW == unseen.read("of_class").confidence


def test_the_parameters_of_the_class_decide() -> None:
    parameters = "parameters: {apiGroup: elbv2.k8s.aws, kind: IngressClassParams, name: alb}"
    named = CLASS.replace("ingress.k8s.aws/alb}", f"ingress.k8s.aws/alb, {parameters}}}")
    params = """
    apiVersion: elbv2.k8s.aws/v1beta1
    kind: IngressClassParams
    metadata: {name: alb}
    spec: {loadBalancerAttributes: [{key: idle_timeout.timeout_seconds, value: "60"}]}
    """
    (conflict,) = group('"idle_timeout.timeout_seconds=30"', named, params).attributes
    assert conflict.read("of_class").data is True


def test_an_attribute_that_one_member_sets_is_no_claim_of_several() -> None:
    assert group('"routing.http2.enabled=false"', CLASS).attributes == ()
