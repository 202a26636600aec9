from __future__ import annotations

import pytest

from kubelint5xx.core.value import Assumed, Value
from kubelint5xx.engine import facts_attributes as facts
from kubelint5xx.engine.spelling import distance
from kubelint5xx.model import aws_attributes as aws


def said(text: str) -> Value:
    return Value(text, Assumed("a test"))


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("deregistration_delay.timeout_second", "deregistration_delay.timeout_seconds"),
        ("Slow_Start.duration_seconds", "slow_start.duration_seconds"),
        ("slow_start.duration_seconds", ""),
        ("warm_pool.share", ""),
        ("deregistration_delay", ""),
    ],
)
def test_a_slip_of_the_pen_is_told_from_a_new_attribute(key: str, meant: str) -> None:
    assert facts.meant_attribute(said(key), said(aws.TARGET_GROUP)).data == meant


def test_a_number_in_a_name_is_no_slip() -> None:
    assert facts.meant_attribute(said("routing.http3.enabled"), said(aws.BALANCER)).data == ""


@pytest.mark.parametrize(
    ("key", "holder", "true"),
    [
        ("deregistration_delay.timeout_seconds", aws.BALANCER, aws.TARGET_GROUP),
        ("idle_timeout.timeout_seconds", aws.TARGET_GROUP, aws.BALANCER),
        ("load_balancing.cross_zone.enabled", aws.BALANCER, aws.BALANCER),
        ("load_balancing.cross_zone.enabled", aws.TARGET_GROUP, aws.TARGET_GROUP),
        ("of.no.kind", aws.LISTENER, aws.LISTENER),
    ],
)
def test_an_attribute_has_its_holder(key: str, holder: str, true: str) -> None:
    assert facts.true_holder(said(key), said(holder)).data == true


@pytest.mark.parametrize(
    ("key", "read", "meant"),
    [
        ("alb.ingress.kubernetes.io/target-type", True, ""),
        ("alb.ingress.kubernetes.io/actions.anything", True, ""),
        ("service.beta.kubernetes.io/aws-load-balancer-listener-attributes.TCP-80", True, ""),
        ("alb.ingress.kubernetes.io/target-typ", False, "alb.ingress.kubernetes.io/target-type"),
        ("alb.ingress.kubernetes.io/connection-idle-timeout", False, ""),
        ("service.beta.kubernetes.io/aws-load-balancer-connection-idle-timeout", True, ""),
    ],
)
def test_annotations_that_some_release_reads(key: str, read: bool, meant: str) -> None:
    assert facts.is_annotation_read(said(key)).data is read
    assert facts.meant_annotation(said(key)).data == meant


def test_what_is_not_known_stays_so() -> None:
    unknown = Value.unknown("a template")
    assert facts.meant_attribute(unknown, said(aws.BALANCER)).reason == "a template"
    assert facts.meant_attribute(said("a.b"), unknown).reason == "a template"
    assert not facts.longest_allowed(unknown).known


def test_every_range_is_of_a_known_attribute_or_of_an_argument() -> None:
    known = {key for holder in (aws.BALANCER, aws.TARGET_GROUP, aws.LISTENER) for key in aws.attributes_of(holder)}
    assert all(key in known or aws.is_read(key) for key in aws.RANGES if "." in key)
    assert all(shortest < longest for shortest, longest in aws.RANGES.values())


@pytest.mark.parametrize(
    ("written", "refused"), [("1", False), ("4000", False), ("0", True), ("4001", True), ("60s", True), ("", True)]
)
def test_a_value_out_of_range_is_refused(written: str, refused: bool) -> None:
    assert aws.out_of_range("idle_timeout.timeout_seconds", written) is refused
    assert not aws.out_of_range("routing.http2.enabled", written)


@pytest.mark.parametrize(
    ("a", "b", "apart"), [("", "", 0), ("abc", "abd", 1), ("abc", "ac", 1), ("kitten", "sitting", 3)]
)
def test_the_distance_of_texts(a: str, b: str, apart: int) -> None:
    assert distance(a, b, 5) == distance(b, a, 5) == apart
    assert distance(a, b, 0) == (0 if a == b else 1)
