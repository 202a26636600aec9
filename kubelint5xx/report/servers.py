"""What is known of each server, proxy and load balancer where nothing is set, and who says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kubelint5xx.core.record import record
from kubelint5xx.core.value import in_words
from kubelint5xx.hops.table import Case, Table, table


@record
class Known:
    """One quantity of a product: what holds where nothing sets it, in each case, and the address of who says so.

    Each of ``cases`` is a value in words with its condition, which is empty for all other cases.
    """

    quantity: str
    cases: tuple[tuple[str, str], ...]
    source: str


@record
class Tally:
    """How much is known: of how many ``products``; how many ``defaults``, the statuses that they answer included; how
    many of these say who says so (``cited``); and how many somebody ``measured`` on the real thing."""

    products: int
    defaults: int
    cited: int
    measured: int


def tally(tables: Iterable[Table]) -> Tally:
    """What all these tables hold, counted."""
    known = tuple(tables)
    rows = [row for product in known for row in product.knobs.values() if row.settled]
    statuses = sum(len(product.answers) for product in known)
    cited = sum(len(product.answers) for product in known if product.answers_cite) + sum(bool(row.cite) for row in rows)
    return Tally(len(known), len(rows) + statuses, cited, sum(bool(row.measured) for row in rows))


def defaults(product: Table) -> Iterator[Known]:
    """The quantities that have a default, in the order of the product's table."""
    for name, row in product.knobs.items():
        cases = tuple((_shown(case, product), case.when.text if case.when else "") for case in row.default)
        if cases:
            yield Known(name, cases, row.cite)


def render(products: Iterable[str]) -> str:
    """The defaults of each product as plain text. Raises RuleError for a name that has no table."""
    return "\n\n".join(_block(table(name)) for name in products)


def _block(product: Table) -> str:
    lines = [f"{product.title} ({product.role}; {product.product})"]
    for known in defaults(product):
        written = "; ".join(f"{shown} when {when}" if when else shown for shown, when in known.cases)
        lines.append(f"  {known.quantity:26}{written}")
        if known.source:
            lines.append(f"  {'':26}{known.source}")
    return "\n".join(lines)


def _shown(case: Case, product: Table) -> str:
    if not case.same_as:
        return in_words(case.data)
    other = product.own.get(case.same_as) or product.knobs[case.same_as]
    unset = f" ({in_words(other.default[0].data)} where unset)" if len(other.default) == 1 else ""
    return f"that of {other.setting or other.name}{unset}"
