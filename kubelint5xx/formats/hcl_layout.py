"""Where blocks and attributes of an HCL file stand, told by its layout alone.

Parsing is most of what reading Terraform costs, and few of a module's blocks are ever asked for. In a file that is
laid out as ``terraform fmt`` does it, a top-level block ends with the next brace that begins a line, and what stands
in it is indented alike.
"""

from __future__ import annotations

import re

from kubelint5xx.core.pattern import byte_pattern
from kubelint5xx.core.record import record

# What begins a line, but for comments of one line.
_START = byte_pattern(rb"\n([^\s#][^\n]*)")
# A block on one line holds one attribute, here without any braces but empty ones.
_ONE_LINE = rb'(?:[^{}"#/\n]|"[^"\\$%\n]*"|\{\})*'
_HEADER = byte_pattern(
    rb'(([A-Za-z_][\w-]*)((?:[ \t]+"[^"\\$%\n]*")*))[ \t]*\{(?:' + _ONE_LINE + rb"(\})|[ \t]*)[ \t\r]*"
)
_LABEL = byte_pattern(rb'"([^"]*)"')
_END = byte_pattern(rb"\}[ \t\r]*")
_BETWEEN = byte_pattern(rb"(?:[ \t\r]*(?:(?:#|//)[^\n]*)?(?:\n|\Z))*+")
# A comment of many lines can hold anything, and so can a heredoc, which is known by where it may stand.
_COMMENT = byte_pattern(rb"\n[ \t]*/\*")
_HEREDOC = byte_pattern(rb'\n[^\n#"/]*[=(,\[][ \t]*(<<-?(\w+)[ \t\r]*(?=\n))')
_FIRST = byte_pattern(rb"\n([ \t]*)[\w\"]")


@record
class Place:
    """A top-level block from byte ``start`` to ``end``; what stands before its brace ends at ``header_end``."""

    type: str
    labels: tuple[str, ...]
    start: int
    header_end: int
    end: int


def layout(data: bytes) -> list[Place] | None:
    """The top-level blocks of a file in UTF-8, in their order; None where its layout does not tell them."""
    # A line break before the first line makes it a line as the others; offsets are then one too high.
    lines = b"\n" + data
    if b"/*" in data and _COMMENT.search(lines):
        return None
    if b"<<" in data:
        rest = _without_heredocs(lines)
        if rest is None:
            return None
        lines = rest
    found: list[Place] = []
    header = None  # of the block that is open
    start, done = 0, 0
    for match in _START.finditer(lines):
        at = match.start()
        if match[1].startswith(b"//"):
            continue
        if header is not None:
            if not _END.fullmatch(match[1]):
                return None
            done = at + 1
        else:
            header, start = _HEADER.fullmatch(match[1]), at
            if header is None or not _BETWEEN.fullmatch(data, done, at):
                return None
            if not header[4]:
                continue
            done = start + header.end(4)
        labels = tuple(label.decode("utf-8", "replace") for label in _LABEL.findall(header[3]))
        found.append(Place(header[2].decode(), labels, start, start + header.end(1), done))
        header = None
    return found if header is None and _BETWEEN.fullmatch(data, done) else None


def _without_heredocs(lines: bytes) -> bytes | None:
    """The text with blanks in place of heredocs; None where one does not end."""
    parts: list[bytes] = []
    done = 0
    while opening := _HEREDOC.search(lines, done):
        name = re.escape(opening[2])
        end = re.compile(rb"\n[ \t]*" + name + rb"(?![\w-])").search(lines, opening.end())
        if end is None:
            return None
        parts += [lines[done : opening.start(1)], b" " * (end.end() - opening.start(1))]
        done = end.end()
    return b"".join([*parts, lines[done:]])


def attribute(block: bytes, name: str) -> tuple[int, int] | None:
    """Where an attribute of a top-level block stands in the block's text; an empty stretch where it has none.

    None where the layout does not tell: indentation and brackets have to agree on what belongs to the block itself.
    """
    key = name.encode()
    if key not in block:
        return 0, 0
    first = _FIRST.search(block)
    if first is None or b"<<" in block or b"/*" in block:
        return None
    indent = re.escape(first[1])
    found = (0, 0)
    for match in re.finditer(rb"\n([ \t]*)" + re.escape(key) + rb"[ \t]*=", block):
        before = block[: match.start()]
        depth = sum(map(before.count, (b"{", b"[", b"("))) - sum(map(before.count, (b"}", b"]", b")")))
        if (match[1] == first[1]) is not (depth == 1) or (depth == 1 and found[1]):
            return None
        if depth == 1:
            following = re.compile(rb"\n" + indent + rb"[\w\"#/]|\n?\}\Z").search(block, match.end())
            assert following is not None  # a block ends with its brace
            found = match.end(1), following.start()
    return found
