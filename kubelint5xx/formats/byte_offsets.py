"""From offsets in UTF-8 bytes, which most parsers give, to offsets in code points, which spans have."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable


def code_points(text: str) -> Callable[[int], int]:
    """A function from a byte offset in ``text`` encoded as UTF-8 to the offset of the code point at that byte.

    An offset inside a code point's bytes gives that code point; one past the end gives the length of the text.
    """
    length = len(text)
    if text.isascii():
        return lambda at: max(0, min(at, length))
    starts = array("L", bytes(0))
    at = 0
    for character in text:
        starts.append(at)
        at += 1 if character < "\x80" else 2 if character < "\u0800" else 3 if character < "\U00010000" else 4
    end = at
    return lambda at: length if at >= end else max(0, bisect_right(starts, at) - 1)
