"""What a classic load balancer passes on over TCP are requests only where the files lead to a server."""

from __future__ import annotations

import pytest

from kubelint5xx.check import check
from kubelint5xx.config import Config
from kubelint5xx.core.tree import MemoryTree

BALANCER = """
resource "aws_elb" "front" {{
  name    = "front"
  subnets = ["subnet-1"]
  listener {{
    lb_port           = {port}
    lb_protocol       = "{protocol}"
    instance_port     = {port}
    instance_protocol = "{protocol}"
  }}
}}
"""


@pytest.mark.parametrize(
    ("port", "protocol", "found"), [(22, "tcp", []), (443, "tcp", []), (80, "http", ["deregistration-cuts-requests"])]
)
def test_a_balancer_of_ssh_or_of_the_clusters_api_cuts_no_requests(port: int, protocol: str, found: list[str]) -> None:
    tree = MemoryTree({"main.tf": BALANCER.format(port=port, protocol=protocol)})
    assert [finding.rule for finding in check(tree, Config()).findings] == found
