"""Security groups in Terraform: who may reach the instances of a node group, and from which groups a balancer sends.

What a network is given by its addresses counts as let through, whoever lives in it: a balancer's addresses are not in
the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kubelint5xx.core.node import Mapping, Node, text
from kubelint5xx.core.node import Sequence as List
from kubelint5xx.eval.resource import Resource
from kubelint5xx.link.attributes import blocks, is_set, truth, whole, why_hidden, why_unknown
from kubelint5xx.link.parts import Guard, Opening, Senders
from kubelint5xx.link.terraform_root import SECURITY_GROUP_RULES, SECURITY_GROUPS, Root

_NETWORKS = ("cidr_blocks", "ipv6_cidr_blocks", "prefix_list_ids", "cidr_ipv4", "cidr_ipv6", "prefix_list_id")
_PEERS = ("security_groups", "source_security_group_id", "referenced_security_group_id")


def senders_of(root: Root, balancers: Iterable[Resource]) -> Senders:
    """The security groups of load balancers."""
    found: set[str] = set()
    unknown = ""
    for balancer in balancers:
        if text(balancer.body.get("load_balancer_type")) not in (None, "application"):
            # Through a network load balancer clients may come with their own addresses.
            return Senders(frozenset(), f"{balancer.address} is no application load balancer")
        groups, why = root.find_all(balancer.body.get("security_groups"), SECURITY_GROUPS)
        found.update(root.unique(group) for group in groups)
        unknown = unknown or why or ("" if groups else f"the security groups of {balancer.address} are not known")
    return Senders(frozenset(found), unknown or ("" if found else "its load balancer is not in the files"))


def guard_of(root: Root, body: Mapping) -> Guard | None:
    """What the security groups of a launch template or configuration let in; None where it names none."""
    nodes = [node for key in ("vpc_security_group_ids", "security_groups") if (node := body.get(key)) is not None]
    for interface in blocks(body, "network_interfaces"):
        if (node := interface.get("security_groups")) is not None:
            nodes.append(node)
    groups: list[Resource] = []
    unknown = why_hidden(body, "vpc_security_group_ids") or why_hidden(body, "network_interfaces")
    for node in nodes:
        found, why = root.find_all(node, SECURITY_GROUPS)
        groups += found
        unknown = unknown or why
    if not groups:
        return None
    openings: list[Opening] = []
    for group in groups:
        more, why = _openings(root, group)
        openings += more
        unknown = unknown or why
    return Guard(tuple(openings), groups[0].span, unknown)


def _openings(root: Root, group: Resource) -> tuple[list[Opening], str]:
    """What may come in through one security group, and why there may be more of it."""
    unknown = root.module.open or why_hidden(group.body, "ingress")
    if passed := root.passed_to(group):
        unknown = unknown or f"{passed} is given it, and may add rules"
    if _ignores(group.body) or group.count_unknown:
        unknown = unknown or "its rules are kept elsewhere"
    found: list[Opening] = []
    for body, of in _rules(root, group):
        if isinstance(of, str):
            unknown = unknown or of
            continue
        opening = _opening(root, body, root.unique(group))
        if isinstance(opening, str):
            unknown = unknown or opening
        elif opening is not None:
            found.append(opening)
    return found, unknown


def _rules(root: Root, group: Resource) -> Iterator[tuple[Mapping, str | None]]:
    """The rules that are, or may be, of ``group``: each with why that is not known."""
    for block in blocks(group.body, "ingress"):
        yield block, None
    for rule in root.of(SECURITY_GROUP_RULES):
        if rule.type == "aws_security_group_rule" and text(rule.body.get("type")) == "egress":
            continue
        owner = rule.body.get("security_group_id")
        of = root.find(owner, SECURITY_GROUPS)
        if of is group:
            yield rule.body, None
        elif of is None:
            yield rule.body, (why_unknown(owner) if owner else "") or f"which group {rule.address} is of is not known"


def _opening(root: Root, rule: Mapping, own: str) -> Opening | str | None:
    protocol = rule.get("protocol") if rule.get("protocol") is not None else rule.get("ip_protocol")
    said = (text(protocol) or "").lower()
    if not said:
        return (why_unknown(protocol) if protocol else "") or "the protocol of a rule is not known"
    if said not in ("-1", "all", "tcp", "6"):
        return None
    first, last = (0, 65535) if said in ("-1", "all") else (whole(rule.get("from_port")), whole(rule.get("to_port")))
    if first is None or last is None:
        return "the ports of a rule are not known"
    if any(_given(rule.get(key)) for key in _NETWORKS):
        return Opening(first, last, frozenset(), True)
    sources = {own} if truth(rule.get("self")) else set()
    for key in _PEERS:
        node = rule.get(key)
        if node is None or not is_set(node):
            continue
        found, why = root.find_all(node, SECURITY_GROUPS)
        if why:
            return why
        sources.update(root.unique(group) for group in found)
    return Opening(first, last, frozenset(sources), False)


def _given(node: Node | None) -> bool:
    return node is not None and is_set(node) and not (isinstance(node, List) and not node.items)


def _ignores(body: Mapping) -> bool:
    for block in blocks(body, "lifecycle"):
        named = block.get("ignore_changes")
        words: Sequence[Node] = named.items if isinstance(named, List) else (named,) if named is not None else ()
        if any(text(word) in ("ingress", "all") for word in words):
            return True
    return False
