"""How far two texts are apart."""

from __future__ import annotations


def distance(a: str, b: str, limit: int) -> int:
    """Levenshtein's distance, or more than ``limit``."""
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row, before = [i], row
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y)))
        if min(row) > limit:
            return limit + 1
    return row[-1]
