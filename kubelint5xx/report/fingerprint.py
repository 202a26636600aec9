"""The fingerprint of a line that GitHub code scanning tracks alerts by.

The upload action computes it anew from the checked-out file and warns where a report says otherwise, so its rules are
followed to the letter: https://github.com/github/codeql-action/blob/main/src/fingerprints.ts
"""

from __future__ import annotations

import struct
from collections import Counter
from itertools import accumulate

_WINDOW = 100
_BASE = 37
_MASK = 2**64 - 1
_LEAVING = pow(_BASE, _WINDOW, 2**64)
_END, _NEWLINE = 0xFFFF, 0x0A
_BLANKS = str.maketrans("", "", " \t")


def line_hashes(text: str) -> list[str]:
    """The fingerprint of each line of ``text``, first line first.

    A line's hash covers the 100 UTF-16 units from its start on, beyond its end too, blanks left out: a polynomial of
    base 37, modulo 2^64. A counter tells equal ones apart. Every kind of line break ends a line.
    """
    normal = text.replace("\r\n", "\n").replace("\r", "\n").translate(_BLANKS)
    data = normal.encode("utf-16-le", "surrogatepass")
    units = [*struct.unpack(f"<{len(data) // 2}H", data), _END]
    prefix = list(accumulate([*units, *[0] * _WINDOW], lambda hash_, unit: (hash_ * _BASE + unit) & _MASK, initial=0))
    starts = [0, *(at + 1 for at, unit in enumerate(units) if unit == _NEWLINE)]
    seen: Counter[str] = Counter()
    hashes = []
    for start in starts:
        digest = f"{(prefix[start + _WINDOW] - prefix[start] * _LEAVING) & _MASK:x}"
        seen[digest] += 1
        hashes.append(f"{digest}:{seen[digest]}")
    return hashes
