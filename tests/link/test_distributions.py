"""CloudFront in front of load balancers, and what a network load balancer on the way means."""

from __future__ import annotations

import math

import pytest

from kubelint5xx.model.topology import Edge
from tests.link.manifests import SERVICE, WEB
from tests.link.test_assemble import TERRAFORM, understood

CDN = """
resource "aws_cloudfront_distribution" "web" {
  origin {
    domain_name = aws_lb.web.dns_name
    origin_id   = "web"
    custom_origin_config {
      origin_keepalive_timeout = 60
      origin_read_timeout      = 45
    }
  }
  origin {
    domain_name = aws_s3_bucket.assets.bucket_regional_domain_name
    origin_id   = "assets"
  }
}
resource "aws_s3_bucket" "assets" {}
"""
NETWORK = TERRAFORM.replace("  idle_timeout = 60\n", '  load_balancer_type = "network"\n').replace(
    "  default_action", "  protocol                 = \"TCP\"\n  tcp_idle_timeout_seconds = 90\n  default_action"
)


def edges(balancer: str, cdn: str = CDN) -> list[Edge]:
    files = {"infra/main.tf": balancer, "infra/cdn.tf": cdn, "k8s/service.yaml": SERVICE, "k8s/web.yaml": WEB}
    return list(understood(files).edges)


def between(edge: Edge) -> tuple[str, str]:
    return edge.sender.product, edge.receiver.product


def test_an_origin_that_is_a_load_balancer_is_its_neighbour() -> None:
    cdn, web = sorted(edges(TERRAFORM), key=between, reverse=True)
    assert (between(cdn), between(web)) == (("cloudfront", "aws_alb"), ("aws_alb", "gunicorn"))
    assert cdn.receiver is web.sender and cdn.pod is None
    sender = cdn.sender.outbound
    assert (sender.read("response_timeout").data, sender.read("idle_timeout").data) == (45.0, 60.0)
    assert [edge.subject.read("flow_idle").data for edge in (cdn, web)] == [math.inf, math.inf]


def test_behind_a_network_load_balancer_its_target_is_the_neighbour() -> None:
    cdn, web = sorted(edges(NETWORK), key=between, reverse=True)
    assert (between(cdn), between(web)) == (("cloudfront", "gunicorn"), ("aws_nlb", "gunicorn"))
    assert cdn.receiver is web.receiver
    assert [edge.subject.read("flow_idle").data for edge in (cdn, web)] == [90.0, 90.0]
    labels = [step.label for step in cdn.route]
    assert labels[:2] == ["CloudFront aws_cloudfront_distribution.web", "the NLB aws_lb.web"]


@pytest.mark.parametrize("domain", ['"www.example.com"', "aws_lb.other.dns_name", "var.domain"])
def test_another_origin_is_nobodys_neighbour(domain: str) -> None:
    found = edges(TERRAFORM, CDN.replace("aws_lb.web.dns_name", domain))
    assert [between(edge) for edge in found] == [("aws_alb", "gunicorn")]


def test_whether_an_unknown_sender_is_such_a_balancer_is_not_known() -> None:
    (edge,) = understood({"k8s/service.yaml": SERVICE, "k8s/web.yaml": WEB}).edges
    assert edge.subject.read("flow_idle").data is None
