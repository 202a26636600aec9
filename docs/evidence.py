"""What the experiments counted (lab/evidence.yaml): a page of docs/, and a part of each rule's page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_FILE = Path(__file__).parents[1] / "lab" / "evidence.yaml"
_HEAD = "| servers | configuration | accused | requests | failed | responses |\n|---|---|---|---|---|---|"
_INTRODUCTION = """\
# What the faults cost

Counted on one machine with real servers behind real balancers: each rule's fault under a configuration that the rule
accuses, and the same load under one that it does not accuse, with the value that its fix names where it names one.
nginx and HAProxy stand in the place of a cloud's load balancer. They keep connections to the servers and send no
request a second time. Where connections are reused, a relay in the place of the network delays each direction by 2 ms.
How many requests fail differs from run to run, and with the traffic; whether any fail is the point.

The linter itself judged the configurations, except where a star stands: there the fault is not in files, or its times
are scaled down. *Failed* are responses of 5xx and requests without a response; HAProxy gives none where a server closed
the connection that was kept."""


@cache
def _content() -> Mapping[str, Any]:
    content: Mapping[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return content


def of_rule(rule: str) -> list[str]:
    """The part of a rule's page: the rows of its experiments; empty where there are none."""
    rows = [row for row in _content()["rows"] if row["rule"] == rule]
    return ["\n## Evidence\n", *_table(rows), "\n[How this was counted](../evidence.md)."] if rows else []


def page() -> str:
    """docs/evidence.md."""
    content = _content()
    lines = [_INTRODUCTION, f"\nMachine: {content['machine']}."]
    for rule in dict.fromkeys(row["rule"] for row in content["rows"]):
        lines += [f"\n## [{rule}](rules/{rule}.md)\n", *_table(row for row in content["rows"] if row["rule"] == rule)]
    if wrong := [row for row in content["rows"] if bool(_failed(row)) != row["accused"]]:
        lines += ["\n## Where the count does not agree with the rule\n"]
        lines += [f"- {row['rule']}, {row['who']}: {row['configuration']}." for row in wrong]
    lines += ["\n## Not brought about\n"]
    lines += [f"- {rule}: {reason}." for rule, reason in content["not_shown"].items()]
    return "\n".join(lines) + "\n"


def _table(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    yield _HEAD
    for row in rows:
        accused = ("yes" if row["accused"] else "no") + ("" if row["linted"] else "*")
        responses = ", ".join(f"{status or 'none'}: {count:,}" for status, count in row["statuses"].items())
        cells = row["who"], row["configuration"], accused, f"{row['requests']:,}", f"{_failed(row):,}", responses
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _failed(row: Mapping[str, Any]) -> int:
    statuses: Mapping[int, int] = row["statuses"]
    return sum(count for status, count in statuses.items() if status >= 500 or status == 0)
