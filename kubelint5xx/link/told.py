"""What one tree tells to the checks of others: all that its parts come to, before they are joined across trees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kubelint5xx.core.record import field, record
from kubelint5xx.core.value import Members
from kubelint5xx.link.parts import TargetGroup
from kubelint5xx.link.scopes import Scope
from kubelint5xx.model.topology import Edge

if TYPE_CHECKING:
    from kubelint5xx.link.nodes import NodeFacts
    from kubelint5xx.link.receivers import Receiver


@record
class Told:
    """``scopes`` hold what others may join with theirs. ``receivers``: what receives the requests of a Service's port,
    by the identity of the port's node. ``complete``: the sets that are said to be complete; ``node_groups``: whether
    there may be more node groups than are told of."""

    target_groups: tuple[TargetGroup, ...] = ()
    edges: tuple[Edge, ...] = ()
    nodes: NodeFacts | None = None
    scopes: tuple[Scope, ...] = ()
    receivers: Mapping[int, tuple[Receiver, ...]] = field(default_factory=dict)
    complete: frozenset[str] = frozenset()
    node_groups: Members = field(default_factory=Members)
