"""What one layer's joins hand to the next layer's: halves of the topology that are not yet joined across layers."""

from __future__ import annotations

from collections.abc import Mapping

from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Node
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Join, Subject, Value
from kubelint5xx.model.topology import Edge, Hop, Setting, Undecided


@record
class Opening:
    """TCP ports that a security group opens: to the groups of ``sources``, or to networks (``anyone``)."""

    first: int
    last: int
    sources: frozenset[str]
    anyone: bool


@record
class Guard:
    """What the security groups of instances let in. ``unknown``: why they may let in more than is seen."""

    openings: tuple[Opening, ...]
    place: Span
    unknown: str = ""


@record
class Senders:
    """The security groups that a target group's balancers send from. ``unknown``: why not all are known."""

    groups: frozenset[str]
    unknown: str = ""


@record(eq=False)
class TargetGroup:
    """A target group with the balancers that forward to it. ``subject`` is of kind target_group.

    ``address`` is unique (``infra:aws_lb_target_group.web``; a Terraform root and the address in it, or the Ingress
    backend that makes it), ``name`` its AWS name if known, ``port`` the targets' port (a NodePort for instances).
    ``protocol_version``: HTTP1, HTTP2 or GRPC. ``registered``: a controller registers the cluster's nodes or pods in
    it. ``node_selector`` leaves nodes without these labels out; ``selector_unknown`` tells why it is not known.
    ``senders``: None where a controller opens the way to the targets by itself. ``served``: another repository tells
    what is behind it.
    """

    address: str
    subject: Subject
    balancers: tuple[Hop, ...] = ()
    name: str | None = None
    port: int | None = None
    protocol_version: str = "HTTP1"
    route: tuple[Step, ...] = ()
    node_selector: Mapping[str, str] | None = None
    selector_unknown: str = ""
    registered: bool = False
    cluster: str | None = None
    senders: Senders | None = None
    served: bool = False
    arn: str | None = None


@record(eq=False)
class NodeGroup:
    """A node group before it is known which target groups it serves.

    ``values``: of kind node_group, without ``attached`` and ``selected``, which depend on the target group.
    ``labels``: what its nodes carry; None where that is unknown (``labels_unknown`` says why).
    ``attached_to``: addresses of the target groups that its autoscaling group is attached to.
    ``cluster`` is the cluster's name or address, where a file says it; ``scope`` the Terraform root or manifest
    scope that declares it. ``spot``: whether it has spot instances; None where that is not known. ``inside``: the
    object that declares it runs in the cluster itself, so that its nodes belong to the cluster of its file.
    """

    name: str
    place: Span
    values: Mapping[str, Value]
    labels: Mapping[str, Node] | None
    labels_unknown: str = ""
    attached_to: Mapping[str, Join] = field(default_factory=dict)
    cluster: str | None = None
    scope: str = ""
    spot: bool | None = None
    inside: bool = False
    guard: Guard | None = None


@record(eq=False)
class Cluster:
    """A cluster, by every name that files give it (its name, its Terraform address), with its subject.

    ``assumed_names``: those of its names that no file gives it, with why they were taken to be its own.
    """

    subject: Subject
    names: frozenset[str]
    scope: str
    assumed_names: Mapping[str, Join] = field(default_factory=dict)


@record
class Layer:
    """What the joins of one layer (Terraform, or the manifests) came to on their own."""

    edges: tuple[Edge, ...] = ()
    target_groups: tuple[TargetGroup, ...] = ()
    node_groups: tuple[NodeGroup, ...] = ()
    clusters: tuple[Cluster, ...] = ()
    settings: tuple[Setting, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    references: tuple[Subject, ...] = ()
    attributes: tuple[Subject, ...] = ()
