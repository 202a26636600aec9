"""What a Terraform body that is not wholly known says of its blocks."""

from __future__ import annotations

from kubelint5xx.link.attributes import hidden_blocks, why_hidden
from tests.link.infra import module

BODY = """
variable "a" {}
variable "b" {}
resource "aws_lb" "web" {
  dynamic "access_logs" {
    for_each = var.a
    content {}
  }
  dynamic "subnet_mapping" {
    for_each = var.b
    content {}
  }
}
"""


def test_each_block_that_is_not_known_hides_its_own_name_only():
    body = module(BODY).resources(["aws_lb"])[0].body
    assert list(hidden_blocks(body)) == ["access_logs", "subnet_mapping"]
    assert "variable a " in why_hidden(body, "access_logs") and "variable b " not in why_hidden(body, "access_logs")
    assert "variable b " in why_hidden(body, "subnet_mapping")
    assert why_hidden(body, "timeouts") == ""
