"""Whether two trees that say the same in different words are judged the same."""

from __future__ import annotations

from collections.abc import Mapping

from kubelint5xx.check import check
from kubelint5xx.config import Config
from kubelint5xx.core.finding import Report
from kubelint5xx.core.tree import MemoryTree, Tree

Files = Mapping[str, str] | Tree


def report(tree: Files, config: Config | None = None) -> Report:
    return check(MemoryTree(tree) if isinstance(tree, Mapping) else tree, config or Config())


def verdict(tree: Files, config: Config | None = None) -> list[str]:
    """What a report comes to, without places: each finding by its rule, severity, subject and quantity, and how many
    hops were proved, failed or are undecided, so that a tree which was not read is not taken for a healthy one."""
    found = report(tree, config)
    lines = [_finding(one.key, one.place.path, str(one.severity)) for one in found.findings]
    seen = found.coverage
    counts = f"{seen.hops} hops, {seen.proved} proved, {seen.failing} failing, {seen.undecided} undecided"
    return [*sorted(lines), counts]


def same_verdict(
    tree_a: Files, tree_b: Files, config: Config | None = None, names: Mapping[str, str] | None = None
) -> None:
    """Asserts that both trees are judged the same, and that there was something to judge. ``names``: how the second
    tree calls what the first one names."""
    a, b = verdict(tree_a, config), verdict(tree_b, config)
    for name, other in (names or {}).items():
        b = [line.replace(other, name) for line in b]
    assert a == sorted(b[:-1]) + b[-1:]
    assert len(a) > 1 or not a[0].startswith("0 hops")


def _finding(key: str, path: str, severity: str) -> str:
    rule, _, rest = key.partition(f":{path}:")
    return f"{severity} {rule}: {rest}"
