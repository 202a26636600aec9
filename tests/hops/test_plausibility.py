"""Numbers in a unit that they cannot be meant in."""

from __future__ import annotations

import pytest

from kubelint5xx.core.node import Sequence
from kubelint5xx.core.value import Confidence
from kubelint5xx.hops.plausibility import implausible, why
from kubelint5xx.hops.table import Row
from tests.hops.launches import launch, node, scalar

PLAUSIBLE = (1.0, 43200.0)
MS = Row("inbound.idle_timeout", "duration", {"javascript": ("keepAliveTimeout",)}, "ms", "ms", plausible=PLAUSIBLE)
SECONDS = Row("inbound.idle_timeout", "duration", {"argv": ("--keep-alive",)}, plausible=PLAUSIBLE)
WORDS = Row("inbound.idle_timeout", "duration", {"haproxy": ("timeout client",)}, "text", "ms", plausible=PLAUSIBLE)


def judged(row: Row, written: object) -> tuple[object, ...] | None:
    found = implausible(row, node(written), "http/keep", "a server")
    return found and tuple(found.subject.read(name).data for name in ("fault", "taken", "meant", "unit"))


@pytest.mark.parametrize(
    ("row", "written", "expected"),
    [
        (MS, 65, ("short", 0.065, 65.0, "milliseconds")),
        (MS, "999", ("short", 0.999, 999.0, "milliseconds")),
        (MS, 1000, None),
        (MS, 43200000, None),
        (MS, 75000000, ("long", 75000.0, 75.0, "milliseconds")),
        (SECONDS, 75000, ("long", 75000.0, 75.0, "seconds")),
        (SECONDS, 75, None),
        (SECONDS, "75s", ("unit", None, 75.0, "seconds")),
        (SECONDS, "75000 ms", ("unit", None, 75.0, "seconds")),
        (WORDS, "50", ("short", 0.05, 50.0, "milliseconds")),
        (WORDS, "50000", None),
        # A number with its unit is taken at its word.
        (WORDS, "50ms", None),
        (WORDS, "900000s", None),
    ],
)
def test_a_bare_number_has_to_make_sense_in_the_unit_that_it_is_read_in(
    row: Row, written: object, expected: tuple[object, ...] | None
) -> None:
    assert judged(row, written) == expected


@pytest.mark.parametrize("written", [0, "0", -1, "soon", "", True, None, {"a": 1}, []])
def test_zero_and_what_is_no_length_of_time_is_left_to_the_product(written: object) -> None:
    assert judged(MS, written) is None and judged(SECONDS, written) is None


def test_a_row_without_a_range_takes_everything() -> None:
    assert judged(Row("inbound.idle_timeout", "duration", {}, "ms", "ms"), 65) is None


def test_a_directives_first_parameter_counts() -> None:
    words = Sequence(scalar("50 60").span, (scalar("50"), scalar("60")))
    assert judged(WORDS, words) == ("short", 0.05, 50.0, "milliseconds")


def test_nanoseconds_are_told_where_a_program_counts_them() -> None:
    # A reader of source code gives the length of time with its unit; in the text stands the number alone.
    bare = scalar("75")
    computed = type(bare)(bare.span, "0.000000075 s", "0.000000075 s")
    row = Row("inbound.idle_timeout", "duration", {"go_source": ("IdleTimeout",)}, "text", plausible=PLAUSIBLE)
    found = implausible(row, computed, "IdleTimeout", "a server")
    assert found is not None
    assert [found.subject.read(name).data for name in ("fault", "meant", "unit")] == ["short", 75.0, "nanoseconds"]


def test_an_implausible_value_is_unknown_and_tells_why() -> None:
    from kubelint5xx.hops.detect import hop_of
    from kubelint5xx.model.topology import Hop

    hop = hop_of(launch("uvicorn --timeout-keep-alive 65000 app:app"))
    assert isinstance(hop, Hop)
    idle = hop.inbound.read("idle_timeout")
    assert idle.data is None and idle.reason.endswith("is 65000, which only makes sense in another unit than seconds")
    (setting,) = hop.implausible
    assert setting.subject.name.startswith("the setting --timeout-keep-alive of Uvicorn in ")
    assert setting.subject.read("taken").confidence is Confidence.HIGH
    assert why(setting) == idle.reason
