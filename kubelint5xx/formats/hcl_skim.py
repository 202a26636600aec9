"""HCL files of which only those blocks are parsed that are asked for."""

from __future__ import annotations

from functools import lru_cache

from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats import hcl_layout
from kubelint5xx.formats.hcl import (
    Attribute,
    Block,
    Body,
    first_error,
    items_of,
    parse,
    syntax_tree,
    too_deep,
    unreadable,
)
from kubelint5xx.formats.hcl_conversion import Syntax
from kubelint5xx.formats.hcl_expression import Expression
from kubelint5xx.formats.hcl_plain import plain_attribute


# A module that several roots call is read once, and its expressions are converted once.
@lru_cache(maxsize=1024)
def skim(source: Source) -> tuple[Body, list[Problem]]:
    """As ``hcl.parse``, with top-level blocks parsed when they are first asked for, where the file's layout tells
    where they stand. What is wrong with such a block joins the list then, and its body has it in ``unread``.

    Of the 1.5 MB of Terraform in a large tree one third is parsed.
    """
    if source.inside is not None and source.inside.product:
        from kubelint5xx.formats.hcl_moved import moved

        body, problems = _alike(source.text)
        return moved(body, source), problems
    syntax = Syntax.of(source)
    plain = not source.text.startswith("\ufeff") and too_deep(source.text) is None
    places = hcl_layout.layout(syntax.data) if plain else None
    if places is None:
        body, found = parse(source)
        return body, list(found)
    problems = []
    blocks: list[Block] = []
    for place in places:
        header = Span(source, syntax.offset(place.start), syntax.offset(place.header_end))
        span = Span(source, header.start, syntax.offset(place.end))
        text = _Text(syntax.at(place.start), span, place.end - place.start, problems)
        blocks.append(Block(place.type, place.labels, header, span, text.body, text.attribute))
    return Body(Span(source, 0, len(source.text)), tuple(blocks)), problems


@lru_cache(maxsize=64)
def _alike(text: str) -> tuple[Body, list[Problem]]:
    return skim(Source("", text))


@record
class _Text:
    """A block that is not parsed yet: ``length`` bytes from where ``syntax`` begins."""

    syntax: Syntax
    span: Span
    length: int
    problems: list[Problem]

    def _bytes(self) -> bytes:
        return self.syntax.data[self.syntax.base : self.syntax.base + self.length]

    def body(self) -> Body:
        root = syntax_tree(self._bytes())
        blocks = [item for part in root.children for item in items_of(self.syntax, part) if isinstance(item, Block)]
        items = blocks[0].body.items if blocks else ()
        if not root.has_error:
            return Body(self.span, items)
        if not self.problems:
            self.problems.append(unreadable(self.syntax.source, self.syntax.offset(first_error(root))))
        return Body(self.span, items, (self.span,))

    def attribute(self, name: str) -> list[Attribute] | None:
        """The attribute, if there is one; None where the block has to be parsed to know."""
        block = self._bytes()
        place = hcl_layout.attribute(block, name)
        if place is None:
            return None
        start, end = place
        if start == end:
            return []
        read = plain_attribute(self.syntax, start, end)
        if read is not None:
            return [self._attribute(name, start, *read)]
        root = syntax_tree(block[start:end])
        found = [item for part in root.children for item in items_of(self.syntax.at(start), part)]
        if root.has_error or len(found) != 1 or not isinstance(found[0], Attribute):
            return None
        return [found[0]]

    def _attribute(self, name: str, start: int, end: int, expression: Expression) -> Attribute:
        source, offset = self.syntax.source, self.syntax.offset
        first = offset(start)
        key = Span(source, first, offset(start + len(name.encode())))
        return Attribute(name, key, Span(source, first, offset(end)), lambda: expression)

