"""What a module makes and calls, evaluated: the same for Terraform's files and for its plans."""

from __future__ import annotations

from kubelint5xx.core.node import Mapping, Node
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span


@record
class Resource:
    """One instance of a resource or data block. ``span`` is the block's header (in a plan: the resource's object).

    ``key`` is the instance's ``count`` or ``for_each`` key. Where it is not known how many instances there are,
    ``count_unknown`` is set, and what differs between instances is unresolved.
    """

    address: str
    type: str
    name: str
    body: Mapping
    span: Span
    key: int | str | None = None
    count_unknown: bool = False


@record
class ModuleCall:
    """One instance of a module call. ``source`` is its source address; ``inputs`` are its arguments, evaluated.

    ``open`` tells why the module's own resources are not seen; it is empty where the module was loaded.
    """

    address: str
    name: str
    source: Node
    inputs: Mapping
    span: Span
    key: int | str | None = None
    count_unknown: bool = False
    open: str = ""
