from __future__ import annotations

import pytest

from kubelint5xx.core.record import replace
from kubelint5xx.core.value import Value
from kubelint5xx.link.reachability import admits
from tests.link.infra import group, terraform

INFRA = """
resource "aws_lb" "web" {
  security_groups = [aws_security_group.balancer.id]
}
resource "aws_lb_listener" "web" {
  load_balancer_arn = aws_lb.web.arn
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web.arn
  }
}
resource "aws_lb_target_group" "web" {
  port     = 31080
  protocol = "HTTP"
}
resource "aws_security_group" "balancer" {}
resource "aws_security_group" "other" {}
resource "aws_security_group" "nodes" {
  INLINE
}
resource "aws_launch_template" "nodes" {
  vpc_security_group_ids = [aws_security_group.nodes.id]
}
resource "aws_autoscaling_group" "nodes" {
  min_size = 1
  launch_template {
    id = aws_launch_template.nodes.id
  }
  tag {
    key                 = "kubernetes.io/cluster/c"
    value               = "owned"
    propagate_at_launch = true
  }
}
RULES
"""
INGRESS = """
ingress {{
    protocol        = "{protocol}"
    from_port       = {first}
    to_port         = {last}
    {peer}
  }}
"""
BALANCER = "security_groups = [aws_security_group.balancer.id]"


def answer(inline: str = "", rules: str = "", edit: tuple[str, str] = ("", "")) -> Value:
    text = INFRA.replace("INLINE", inline).replace("RULES", rules).replace(*edit)
    layer = terraform(text)
    (target_group,) = layer.target_groups
    return admits(target_group, group(layer))


def inline(peer: str, first: int = 30000, last: int = 32767, protocol: str = "tcp") -> str:
    return INGRESS.format(peer=peer, first=first, last=last, protocol=protocol)


def rule(kind: str, **values: str) -> str:
    body = "\n".join(f"  {name} = {value}" for name, value in values.items())
    return f'resource "{kind}" "x" {{\n{body}\n}}'


@pytest.mark.parametrize(
    ("opening", "open_"),
    [
        ("", False),
        (inline(BALANCER), True),
        (inline(BALANCER, 31081, 32767), False),
        (inline(BALANCER, 0, 0, "-1"), True),
        (inline(BALANCER, protocol="udp"), False),
        (inline("security_groups = [aws_security_group.other.id]"), False),
        (inline("self = true"), False),
        (inline('cidr_blocks = ["10.0.0.0/16"]'), True),
        (inline("cidr_blocks = []"), False),
        (inline('prefix_list_ids = ["pl-1"]'), True),
    ],
)
def test_what_a_group_lets_in(opening: str, open_: bool) -> None:
    assert answer(opening).data is open_


OWNER, PEER = "aws_security_group.nodes.id", "aws_security_group.balancer.id"


def test_rules_of_their_own_count_as_well() -> None:
    ports = {"from_port": "31080", "to_port": "31080"}
    old = {"security_group_id": OWNER, "source_security_group_id": PEER, "protocol": '"tcp"', **ports}
    assert answer(rules=rule("aws_security_group_rule", type='"ingress"', **old)).data is True
    assert answer(rules=rule("aws_security_group_rule", type='"egress"', **old)).data is False
    new = {"security_group_id": OWNER, "referenced_security_group_id": PEER, "ip_protocol": '"tcp"', **ports}
    assert answer(rules=rule("aws_vpc_security_group_ingress_rule", **new)).data is True
    everything = {"security_group_id": OWNER, "referenced_security_group_id": PEER, "ip_protocol": '"-1"'}
    assert answer(rules=rule("aws_vpc_security_group_ingress_rule", **everything)).data is True


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"security_group_id": "var.unknown"}, "unknown"),
        ({"source_security_group_id": "var.unknown"}, "unknown"),
        ({"from_port": "var.unknown"}, "the ports of a rule are not known"),
    ],
)
def test_a_rule_that_is_not_known_may_be_the_one(change: dict[str, str], reason: str) -> None:
    whole = {
        "type": '"ingress"', "security_group_id": OWNER, "source_security_group_id": PEER, "protocol": '"tcp"',
        "from_port": "31080", "to_port": "31080",
    }  # fmt: skip
    found = answer(rules='variable "unknown" {}\n' + rule("aws_security_group_rule", **(whole | change)))
    assert found.data is None and reason in found.reason


@pytest.mark.parametrize(
    "edit",
    [
        ("security_groups = [aws_security_group.balancer.id]\n}", "}"),
        ("vpc_security_group_ids = [aws_security_group.nodes.id]", ""),
        ("vpc_security_group_ids = [aws_security_group.nodes.id]", 'vpc_security_group_ids = ["sg-0123"]'),
        ('"nodes" {\n  \n}', '"nodes" {\n  lifecycle { ignore_changes = [ingress] }\n}'),
        ('"nodes" {\n  \n}', '"nodes" {\n  count = var.some\n}\nvariable "some" {}'),
        ("port     = 31080", "port     = var.some"),
        ('resource "aws_lb" "web" {', 'resource "aws_lb" "web" {\n  load_balancer_type = "network"'),
        (
            'resource "aws_security_group" "other" {}',
            'module "m" {\n  source = "x/y"\n  group = aws_security_group.nodes.id\n}',
        ),
    ],
)
def test_where_not_all_is_seen_nothing_is_said(edit: tuple[str, str]) -> None:
    assert answer(edit=edit).data is None


def test_who_opens_the_way_by_itself_needs_no_rule() -> None:
    layer = terraform(INFRA.replace("INLINE", "").replace("RULES", ""))
    (target_group,) = layer.target_groups
    assert admits(replace(target_group, senders=None), group(layer)).data is True
