"""How much of a tree is known: `python bench/values.py DIRECTORY…`.

Counts the values that the model holds of all hops, pods, target groups, node groups and clusters: written (or derived
from what is), taken from a default, or unknown, with the most frequent reasons for that.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator

from kubelint5xx.check import understand
from kubelint5xx.config import Config
from kubelint5xx.core.value import Default, Derived, Subject, Value
from kubelint5xx.discover import DirectoryTree
from kubelint5xx.model.topology import Model
from kubelint5xx.render.render import rendered


def main() -> None:
    """Print the counts over all directories together."""
    kinds: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for directory in sys.argv[1:]:
        tree = rendered(DirectoryTree(directory), directory, Config())
        for value in values(understand(tree, Config())):
            kinds[kind(value)] += 1
            if not value.known:
                # Names of things differ, the reason does not.
                reasons[re.sub(r"\b[\w.-]+[/.:][\w./:-]+\b", "…", value.reason)] += 1
    total = sum(kinds.values())
    for name, number in kinds.most_common():
        print(f"{number:7} {name} ({100 * number / total:.0f} %)")
    for reason, number in reasons.most_common(10):
        print(f"{number:7}   {reason}")


def values(model: Model) -> Iterator[Value]:
    """The values of every subject of the model, each subject once."""
    for subject in dict.fromkeys(subjects(model)):
        yield from subject.values.values()


def subjects(model: Model) -> Iterator[Subject]:
    """All that rules can be about."""
    for edge in model.edges:
        yield from (edge.subject, edge.sender.outbound, edge.receiver.inbound)
        yield from (one for one in (edge.pod, edge.target_group) if one is not None)
    for member in model.memberships:
        yield from (member.group, member.target_group)
    yield from model.clusters


def kind(value: Value) -> str:
    """Unknown, default, or known; what is derived is as its inputs are."""
    if not value.known:
        return "unknown"
    if isinstance(value.origin, Default):
        return "default"
    if isinstance(value.origin, Derived) and value.origin.inputs:
        return "default" if any(kind(part) == "default" for part in value.origin.inputs) else "known"
    return "known"


if __name__ == "__main__":
    main()
