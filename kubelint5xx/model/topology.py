"""What a request passes on its way, and what else decides whether it survives. Made by link, read by engine."""

from __future__ import annotations

from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Node
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Subject


@record(eq=False)
class Hop:
    """A program that receives requests and answers them, or sends them on. Its two faces are subjects of kind hop.

    ``product`` is the name of its table under hops/ (empty: unknown program), ``role`` balancer, proxy, sidecar or
    server. Values without a face (version, drain) stand on both faces. ``problems``: which of its files could not be
    read. ``implausible``: those of its settings that only make sense in another unit.
    """

    product: str
    role: str
    name: str
    place: Span | None
    inbound: Subject
    outbound: Subject
    problems: tuple[Problem, ...] = ()
    implausible: tuple[Setting, ...] = ()


@record(eq=False)
class Edge:
    """Requests go from ``sender``'s outbound face to ``receiver``'s inbound face.

    ``route`` is all that a request passes from where it enters to the receiver, in order, for showing. ``pod`` is
    there where the receiver runs in one; ``target_group`` where the sender is a load balancer with one.
    """

    subject: Subject
    sender: Hop
    receiver: Hop
    route: tuple[Step, ...]
    pod: Subject | None = None
    target_group: Subject | None = None
    cluster: Subject | None = None


@record(eq=False)
class Membership:
    """The nodes of ``group`` are targets of ``target_group`` (or could be: group.selected, group.excluded)."""

    group: Subject
    target_group: Subject
    cluster: Subject | None
    route: tuple[Step, ...] = ()


@record(eq=False)
class Setting:
    """One setting that is judged where it stands, with the cluster that it is meant for."""

    subject: Subject
    cluster: Subject | None = None


@record(eq=False)
class Target:
    """A target group by itself, with the way to it, and what other repositories need to join it."""

    subject: Subject
    route: tuple[Step, ...] = ()
    address: str = ""
    name: str | None = None
    port: int | None = None
    protocol_version: str = ""
    registered: bool = False
    balancers: tuple[Hop, ...] = ()


@record
class Undecided:
    """Something that was seen and could not be joined or read; listed with --show-unknown."""

    what: str
    reason: str
    place: Span | None = None


@record
class Model:
    """All that was understood of a tree, in the order of the files.

    ``objects`` is how many were read; ``annotated`` are those that ask to ignore findings: the object's span, the
    annotation that names the rules, and the one that gives the reason. ``cluster_names``: by which names files call
    each of ``clusters``.
    """

    edges: tuple[Edge, ...] = ()
    memberships: tuple[Membership, ...] = ()
    clusters: tuple[Subject, ...] = ()
    settings: tuple[Setting, ...] = ()
    targets: tuple[Target, ...] = ()
    references: tuple[Subject, ...] = ()
    attributes: tuple[Subject, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    objects: int = 0
    annotated: tuple[tuple[Span, Node, Node | None], ...] = ()
    cluster_names: tuple[frozenset[str], ...] = ()
    problems: tuple[Problem, ...] = ()


