"""What was counted (``lab/evidence.yaml``): how it is read and written, and where it speaks against a rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import yaml

from lab.catalogue import LAB
from lab.results import machine
from lab.verdict.experiment import Row

FILE = LAB / "evidence.yaml"
_HEAD = "# What the experiments counted: `nox -s evidence -- --write` writes it, and docs/evidence.py shows it.\n"
NOT_SHOWN = {
    "nftables-without-liberal-conntrack": (
        "it needs a kernel before 6.1. On a later one conntrack takes packets that come late for valid; what it calls "
        "invalid here are packets ahead of the window"
    ),
    "sidecar-drains-first": "it needs the sidecar of a mesh, which the lab does not run",
    "node-leaves-before-traffic": "it needs Karpenter or the cluster autoscaler; it ends as node-removed-abruptly",
    "termination-hook-without-actor": "nothing fails; the hook only delays what node-removed-abruptly shows",
    "all-nodes-excluded": "without a target all requests fail, and there is nothing to count",
    "exclusion-label-misread": "it is about how a controller reads a label",
    "deregistration-outlasts-drain": "it needs a balancer that goes on sending to targets that have left",
    "no-readiness-gate": "it needs the AWS Load Balancer Controller",
    "health-check-differs-from-readiness": "it needs a fault of the one that the other does not see",
    "no-disruption-budget": "it needs a cluster that evicts pods",
    "disruption-budget-blocks-drain": "it needs a cluster that evicts pods",
    "implausible-unit": "it is about what a number was meant to be",
}
"""Rules about requests that fail, and why that is not brought about. Those about targets are no part of it."""


def read(file: Path = FILE) -> tuple[Row, ...]:
    """All rows, in their order; none where nothing was written yet."""
    if not file.is_file():
        return ()
    return tuple(Row(**row) for row in yaml.safe_load(file.read_text("utf-8"))["rows"])


def write(new: Sequence[Row], order: Iterable[tuple[str, str]], file: Path = FILE) -> None:
    """Puts new rows in the place of those of the same experiment, and drops those of experiments that are no more.

    ``order`` names the experiments: a rule and the servers, without their versions.
    """
    fresh = {(row.rule, row.kind) for row in new}
    places = {name: at for at, name in enumerate(order)}
    rows = [*(row for row in read(file) if (row.rule, row.kind) not in fresh), *new]
    rows = [row for row in rows if (row.rule, row.kind) in places]
    rows.sort(key=lambda row: places[row.rule, row.kind])
    content = {
        "machine": machine(),
        "rows": [{name: getattr(row, name) for name in row.__match_args__} for row in rows],
        "not_shown": NOT_SHOWN,
    }
    file.write_text(_HEAD + yaml.safe_dump(content, sort_keys=False, width=120, allow_unicode=True), "utf-8")


def contradictions(rows: Iterable[Row]) -> Iterator[str]:
    """Accused configurations under which nothing failed, and others under which something did."""
    for row in rows:
        if bool(row.failed) != row.accused:
            what = "is accused, and nothing failed" if row.accused else f"is not accused, and {row.failed} failed"
            yield f"{row.rule}, {row.who}: {row.configuration} {what}"
