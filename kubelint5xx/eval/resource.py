"""What a module makes and calls, evaluated: the same for Terraform's files and for its plans."""

from __future__ import annotations

from collections.abc import Callable

from kubelint5xx.core.node import Mapping, Node
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Join


@record
class Resource:
    """One instance of a resource or data block. ``span`` is the block's header (in a plan: the resource's object).

    ``key`` is the instance's ``count`` or ``for_each`` key. Where it is not known how many instances there are,
    ``count_unknown`` is set, and what differs between instances is unresolved. ``by_terraform``: Terraform's provider
    has defaults of its own for it; else AWS's hold. ``joins``: what was assumed to find what it refers to; ``doubt``:
    why its attributes, which were written apart from it, were taken for its own.
    """

    address: str
    type: str
    name: str
    body: Mapping
    span: Span
    key: int | str | None = None
    count_unknown: bool = False
    by_terraform: bool = True
    joins: tuple[Join, ...] = ()
    doubt: Join | None = None


@record
class ModuleCall:
    """One instance of a module call. ``source`` is its source address.

    ``open`` tells why the module's own resources are not seen; it is empty where the module was loaded.
    """

    address: str
    name: str
    source: Node
    span: Span
    key: int | str | None = None
    count_unknown: bool = False
    open: str = ""
    _evaluate: Callable[[], Mapping] | None = None
    _inputs: list[Mapping] = field(default_factory=list)

    @property
    def inputs(self) -> Mapping:
        """Its arguments, evaluated when first asked for: most calls are of modules whose arguments tell nothing."""
        if not self._inputs:
            self._inputs.append(self._evaluate() if self._evaluate else Mapping(self.span))
        return self._inputs[0]
